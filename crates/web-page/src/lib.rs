//! The browser page: the files in `assets`, as a table that a server serves them from. Knows no
//! HTTP beyond media types, codings and entity tags.

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// What the page may do in a browser: run its own files, talk to its own server, and nothing else.
/// No text can become markup in it, because nothing makes trusted HTML.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Bytes of a hash that make an entity tag: 96 bits tell any two versions apart.
const TAG_BYTES: usize = 12;

/// A file of the page.
#[derive(Debug)]
pub struct Asset {
    /// Where it is served: `/` or `/NAME`.
    pub path: &'static str,
    /// Its media type, with the charset where it is text.
    pub media_type: &'static str,
    /// As it is.
    pub identity: Representation,
    /// Compressed with gzip, which browsers accept over plain HTTP, too.
    pub gzip: Representation,
}

/// Bytes that can be sent for an [`Asset`].
#[derive(Debug)]
pub struct Representation {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their strong entity tag, quotes included. It is another one in each coding (RFC 9110 §8.8.3).
    pub etag: String,
}

/// All files of the page. They are compressed when the table is first used.
pub fn assets() -> &'static [Asset] {
    static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| FILES.iter().map(asset).collect());
    &ASSETS
}

/// Path, media type and content of a file.
type File = (&'static str, &'static str, &'static [u8]);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! file {
    ($path:literal, $media_type:expr, $name:literal) => {
        (
            $path,
            $media_type,
            include_bytes!(concat!("../assets/", $name)),
        )
    };
}

const FILES: &[File] = &[
    file!("/", HTML, "index.html"),
    file!("/style.css", CSS, "style.css"),
    file!("/icon.svg", SVG, "icon.svg"),
    file!("/api.js", SCRIPT, "api.js"),
    file!("/composer.js", SCRIPT, "composer.js"),
    file!("/connection.js", SCRIPT, "connection.js"),
    file!("/conversation.js", SCRIPT, "conversation.js"),
    file!("/dialogs.js", SCRIPT, "dialogs.js"),
    file!("/dom.js", SCRIPT, "dom.js"),
    file!("/entries.js", SCRIPT, "entries.js"),
    file!("/loop.js", SCRIPT, "loop.js"),
    file!("/main.js", SCRIPT, "main.js"),
    file!("/notices.js", SCRIPT, "notices.js"),
    file!("/session.js", SCRIPT, "session.js"),
    file!("/text.js", SCRIPT, "text.js"),
    file!("/words.js", SCRIPT, "words.js"),
    file!("/worker-head.js", SCRIPT, "worker-head.js"),
    file!("/worker-list.js", SCRIPT, "worker-list.js"),
];

fn asset(&(path, media_type, bytes): &File) -> Asset {
    Asset {
        path,
        media_type,
        identity: representation(bytes.to_vec()),
        gzip: representation(gzip(bytes)),
    }
}

fn representation(bytes: Vec<u8>) -> Representation {
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes)[..TAG_BYTES]);
    let etag = format!("\"{hash}\"");
    Representation { bytes, etag }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes);
    let finished = written.and_then(|()| encoder.finish());
    finished.expect("a vector takes everything that is written to it")
}

#[cfg(test)]
mod tests;
