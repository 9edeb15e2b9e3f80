//! The condition of a scan at the grain of Parquet's pages, by the bounds that a file's page index has of them.

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use super::filter::{Filter, KEY, is_microseconds};

/// The rows of the pages that may hold a wanted row, over the rows of `groups`; none where there is no condition or no index.
pub(super) fn selection(filter: &Filter, footer: &ParquetMetaData, groups: &[usize]) -> Option<RowSelection> {
    footer.column_index()?;
    let mut whole: Option<RowSelection> = None;
    for name in filter.columns()? {
        let pages = |group: &usize| selectors(filter, footer, *group, name);
        let selected: RowSelection = groups.iter().flat_map(pages).collect();
        whole = Some(match whole {
            Some(before) => before.intersection(&selected),
            None => selected,
        });
    }
    whole
}

/// The pages of one column, one after the other: skipped where no row of theirs is wanted.
fn selectors(filter: &Filter, footer: &ParquetMetaData, group: usize, name: &str) -> Vec<RowSelector> {
    let about = footer.row_group(group);
    let rows = usize::try_from(about.num_rows()).unwrap_or(0);
    let Some((bounds, pages)) = index(footer, group, name) else {
        return vec![RowSelector::select(rows)];
    };
    let first = |page: &PageLocation| usize::try_from(page.first_row_index).unwrap_or(0);
    let starts = pages.iter().map(first);
    let ends = starts.clone().skip(1).chain([rows]);
    let page = |(place, (start, end)): (usize, (usize, usize))| RowSelector {
        row_count: end.saturating_sub(start),
        skip: !may_match(filter, about, name, bounds, place),
    };
    starts.zip(ends).enumerate().map(page).collect()
}

/// The bounds and places of a column's pages, where the file says both of every page.
fn index<'a>(
    footer: &'a ParquetMetaData,
    group: usize,
    name: &str,
) -> Option<(&'a ColumnIndexMetaData, &'a [PageLocation])> {
    let mut columns = footer.row_group(group).columns().iter();
    let column = columns.position(|column| column.column_path().parts() == [name])?;
    let bounds = footer.column_index()?.get(group)?.get(column)?;
    let pages = footer.offset_index()?.get(group)?.get(column)?.page_locations();
    let known = match bounds {
        ColumnIndexMetaData::BYTE_ARRAY(keys) => keys.num_pages(),
        ColumnIndexMetaData::INT64(times) => times.num_pages(),
        _ => return None,
    };
    let whole = usize::try_from(known) == Ok(pages.len()) && pages.first()?.first_row_index == 0;
    whole.then_some((bounds, pages.as_slice()))
}

fn may_match(filter: &Filter, about: &RowGroupMetaData, name: &str, bounds: &ColumnIndexMetaData, page: usize) -> bool {
    // A page without bounds has nulls only, and null is never wanted.
    match bounds {
        ColumnIndexMetaData::BYTE_ARRAY(keys) if name == KEY => {
            let ends = keys.min_value(page).zip(keys.max_value(page));
            ends.is_some_and(|(low, high)| filter.may_have_key(low, high))
        }
        ColumnIndexMetaData::INT64(times) if name != KEY && is_microseconds(about, name) => {
            let ends = times.min_value(page).zip(times.max_value(page));
            ends.is_some_and(|(low, high)| filter.may_have_time(*low, *high))
        }
        _ => true,
    }
}
