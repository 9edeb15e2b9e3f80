//! A panel from the windows of a lake.

use arterial_datasets::lake::{Lake, LakeOptions};
use arterial_datasets::panel::{Attributes, Covariate, Holidays, Panel};
use arterial_datasets::stream::StreamCatalog;
use arterial_models::registry::Target;
use arterial_training::document::DataBlock;
use arterial_training::windows::{self, Wanted};

use super::reading::{Reading, data_block};
use super::source::LakeSource;

/// Which numbers of other streams become covariates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Join {
    /// Those that the stream's definition names and the lake has.
    Auto,
    /// These.
    These(Vec<Covariate>),
}

impl std::str::FromStr for Join {
    type Err = arterial_datasets::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::These(Vec::new())),
            list => Ok(Self::These(list.split(',').map(str::parse).collect::<Result<_, _>>()?)),
        }
    }
}

/// The numbers that `join` stands for, in this lake.
///
/// # Errors
/// A lake that cannot be read.
pub async fn covariates(
    lake: &Lake,
    catalog: &StreamCatalog,
    topic: &str,
    join: &Join,
) -> anyhow::Result<Vec<Covariate>> {
    let named = match (join, catalog.get(topic)) {
        (Join::These(these), _) => return Ok(these.clone()),
        (Join::Auto, Ok(stream)) => stream
            .covariates
            .iter()
            .map(|text| text.parse())
            .collect::<Result<Vec<_>, _>>()?,
        // A topic that is defined elsewhere: its lake says nothing of covariates.
        (Join::Auto, Err(_)) => Vec::new(),
    };
    Ok(windows::present(lake, &named).await?)
}

/// The newest revision of every window of `target`, and the source with the versions of the tables that were read.
///
/// # Errors
/// A lake, table or column that is not there.
pub async fn read(source: &LakeSource, target: &Target) -> anyhow::Result<(Panel, DataBlock, LakeSource)> {
    let LakeSource { lake, reading, .. } = source;
    let opened = Lake::open_existing(lake, LakeOptions::default()).await?;
    let covariates = source
        .covariates
        .iter()
        .map(|text| text.parse())
        .collect::<Result<Vec<_>, _>>()?;
    let wanted = Wanted {
        topic: &target.topic,
        field: &target.field,
        timezone: &reading.timezone,
        holidays: &holidays(reading)?,
        covariates: &covariates,
        versions: &source.versions,
    };
    let found = windows::panel(&opened, &wanted).await?;
    let version = found.versions.get(&found.table).copied().unwrap_or_default();
    let attributes = reading
        .attributes
        .as_deref()
        .map(|path| Attributes::read(path, found.panel.series()));
    let panel = found.panel.with_attributes(attributes.transpose()?.unwrap_or_default());
    let block = data_block(&panel, format!("{lake}#{}@{version}", found.table), found.sha256);
    let pinned = LakeSource {
        versions: found.versions,
        ..source.clone()
    };
    Ok((panel, block, pinned))
}

fn holidays(reading: &Reading) -> anyhow::Result<Holidays> {
    Ok(reading
        .holidays
        .as_deref()
        .map(Holidays::read)
        .transpose()?
        .unwrap_or_default())
}
