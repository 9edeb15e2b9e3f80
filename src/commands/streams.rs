//! `arterial streams list|show|check`.

use std::path::{Path, PathBuf};

use arterial_datasets::stream::{StreamDefinition, read};
use arterial_training::table::Table;

use crate::config::Config;
use crate::service::catalog;

/// What streams are defined, and whether a definition is good
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Every stream, with its key, windows and fields
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// One stream as its definition says, defaults filled in
    Show {
        /// The stream's name
        name: String,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Whether a file is a good definition; errors name file, line, key and what is accepted
    Check {
        /// A definition in TOML
        file: PathBuf,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List { json } => list(*json),
        Verb::Show { name, json } => show(name, *json),
        Verb::Check { file, json } => check(file, *json),
    }
}

fn list(json: bool) -> anyhow::Result<()> {
    let streams = catalog(&Config::load(None, std::env::vars())?)?;
    if json {
        return super::print_json(&streams.iter().map(AsRef::as_ref).collect::<Vec<&StreamDefinition>>());
    }
    let mut table = Table::new([
        "stream",
        "key",
        "interval",
        "window",
        "lateness",
        "fields",
        "description",
    ]);
    for stream in streams.iter() {
        table.push([
            stream.name.clone(),
            stream.key.path.clone(),
            stream
                .interval
                .map_or_else(|| "as it happens".into(), |interval| interval.to_string()),
            stream.window.to_string(),
            stream.allowed_lateness.to_string(),
            stream.fields.len().to_string(),
            stream.description.clone(),
        ]);
    }
    print!("{}", table.render());
    Ok(())
}

fn show(name: &str, json: bool) -> anyhow::Result<()> {
    let streams = catalog(&Config::load(None, std::env::vars())?)?;
    let stream = streams.get(name)?;
    if json {
        return super::print_json(stream.as_ref());
    }
    print!("{}", toml::to_string(stream.as_ref())?);
    Ok(())
}

fn check(file: &Path, json: bool) -> anyhow::Result<()> {
    let stream = read(file)?;
    if json {
        return super::print_json(&stream);
    }
    println!(
        "{} is fine: stream {}, {} fields",
        file.display(),
        stream.name,
        stream.fields.len()
    );
    Ok(())
}
