//! The table has every file once, small, and as the page's rules want it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;

use super::*;

/// Most bytes of all files together, comments and types included, and as they are sent.
const TOTAL_BYTES_MAX: usize = 60_000;
const SENT_BYTES_MAX: usize = 26 * 1024;
/// Most lines of a file: what a reader takes in at once.
const LINES_MAX: usize = 300;

fn text(asset: &Asset) -> &str {
    str::from_utf8(&asset.identity.bytes).expect("text")
}

#[test]
fn every_file_of_the_folder_is_in_the_table_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let on_disk: BTreeSet<String> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| format!("/{}", name.to_string_lossy()))
        .map(|path| path.replace("/index.html", "/"))
        .collect();
    let in_table: BTreeSet<_> = assets().iter().map(|a| a.path.to_owned()).collect();
    assert_eq!(in_table, on_disk);
    assert_eq!(in_table.len(), assets().len());
}

#[test]
fn the_page_is_small() {
    let total: usize = assets().iter().map(|a| a.identity.bytes.len()).sum();
    assert!(total <= TOTAL_BYTES_MAX, "{total} bytes");
    let sent: usize = assets().iter().map(|a| a.gzip.bytes.len()).sum();
    assert!(sent <= SENT_BYTES_MAX, "{sent} bytes");
    for asset in assets() {
        let lines = text(asset).lines().count();
        assert!(lines < LINES_MAX, "{} has {lines} lines", asset.path);
    }
}

#[test]
fn a_compressed_file_is_the_file_and_has_a_tag_of_its_own() {
    let mut tags = BTreeSet::new();
    for asset in assets() {
        let mut bytes = Vec::new();
        let mut decoder = GzDecoder::new(asset.gzip.bytes.as_slice());
        decoder.read_to_end(&mut bytes).expect("gzip");
        assert_eq!(bytes, asset.identity.bytes, "{}", asset.path);
        assert!(tags.insert(&asset.identity.etag), "{}", asset.path);
        assert!(tags.insert(&asset.gzip.etag), "{}", asset.path);
    }
}

#[test]
fn nothing_is_absolute_inline_or_made_of_markup() {
    // A path below a reverse proxy, the policy above, and plain HTTP in a LAN.
    let forbidden = [
        "=\"/",
        "(\"/",
        "`/",
        "://",
        "style=",
        "onclick",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "randomUUID",
        "localStorage",
    ];
    for asset in assets() {
        // The one absolute URL: the name of the SVG format, which nobody requests.
        let text = text(asset).replace("http://www.w3.org/2000/svg", "");
        for part in forbidden {
            assert!(!text.contains(part), "{} has {part}", asset.path);
        }
        assert!(!text.contains("<script>"), "{}", asset.path);
    }
}
