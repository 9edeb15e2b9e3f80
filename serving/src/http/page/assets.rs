//! The page's files. They stand in the program, so that the page needs nothing from elsewhere and no step to build it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::frame::Data;
use crate::Error;
use crate::http::Problem;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// One file.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($kind:ident $name:literal),+ $(,)?) => {
        [$(File { name: $name, kind: $kind, text: include_str!(concat!("files/", $name)) }),+]
    };
}

static FILES: [File; 20] = files![
    SCRIPT "main.js",
    SCRIPT "alerts.js",
    SCRIPT "chart.js",
    SCRIPT "colours.js",
    SCRIPT "detail.js",
    SCRIPT "dom.js",
    SCRIPT "draw.js",
    SCRIPT "freshness.js",
    SCRIPT "gestures.js",
    SCRIPT "horizon.js",
    SCRIPT "live.js",
    SCRIPT "map.js",
    SCRIPT "models.js",
    SCRIPT "projection.js",
    SCRIPT "roads.js",
    SCRIPT "store.js",
    SCRIPT "texts.js",
    SCRIPT "theme.js",
    STYLE "page.css",
    PICTURE "icon.svg",
];

/// The tag of each file: another one as soon as its text is another.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let tag = |file: &File| format!("\"{}\"", Data::new(file.text).digest);
    FILES.iter().map(tag).collect()
});

/// One of the files; browsers keep it and ask whether it is still the same.
pub async fn file(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(place) = FILES.iter().position(|file| file.name == name) else {
        return Err(Problem::from(Error::Unknown {
            what: "page",
            name: uri.path().into(),
            known: "the files that / names".into(),
        }));
    };
    let (file, tag) = (&FILES[place], &TAGS[place]);
    let head = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let kept = headers.get(header::IF_NONE_MATCH).and_then(|kept| kept.to_str().ok());
    if kept.is_some_and(|kept| kept.split(',').any(|one| one.trim() == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, [(header::CONTENT_TYPE, file.kind)], file.text).into_response())
}
