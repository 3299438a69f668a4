//! Names and replies that try to be more than text.

use std::time::Duration;

use testkit::provider::ScriptedResponse;

use crate::page::with_page;
use crate::servers::{begin_reply, scripted_server};

/// What would run if any of it became markup.
const MARKUP: &str = "<img src=x onerror=\"document.title='owned'\"><script>1</script>";
/// Turns around what follows it, wherever that is shown.
const OVERRIDE: char = '\u{202e}';

/// How often a character may be laid out, on average.
const CHARACTERS_MAX: u64 = 3;
/// Counts the characters that are to be laid out: at each change, those of all texts that are new or other.
const COUNT_CHARACTERS: &str = "(() => { window.characters = 0; \
    new MutationObserver((changes) => { \
        const texts = new Set(); \
        for (const { target, addedNodes } of changes) \
            for (const node of [target, ...addedNodes]) \
                if (node instanceof Text) texts.add(node); \
                else if (node !== target) \
                    for (let walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT), text; (text = walk.nextNode());) \
                        texts.add(text); \
        for (const text of texts) characters += text.length; \
    }).observe(document.getElementById('log'), { childList: true, characterData: true, subtree: true }) })()";

#[tokio::test]
async fn markup_and_directions_are_shown_as_text() {
    let (provider, server) = scripted_server().await;
    let reply = format!("{MARKUP}\n```html\n{MARKUP}\n```\n{OVERRIDE}abc");
    provider.respond_with({
        let reply = reply.clone();
        move |_| ScriptedResponse::openai(&[&reply])
    });
    with_page(&server.base, async |page| {
        page.opens().await;
        page.creates(MARKUP).await;
        page.says(MARKUP).await;
        let shown = page.reply(2).await;
        assert_eq!(shown.matches(MARKUP).count(), 2, "{shown}");
        assert!(
            page.find("article", "user 1")
                .await
                .text()
                .await
                .contains(MARKUP)
        );
        page.link(MARKUP).await;
        let made = page
            .evaluate("document.querySelectorAll('img, #log script').length")
            .await;
        assert_eq!(made, 0);
        assert_ne!(page.client.title().await.unwrap(), "owned");
        // The direction ends with the text: what stands beside it is isolated.
        let isolation =
            page.evaluate("getComputedStyle(document.querySelector('article .text')).unicodeBidi");
        assert_eq!(isolation.await, "plaintext");
        // Again from the transcript.
        page.client.refresh().await.unwrap();
        let again = page.reply(2).await;
        assert_eq!(again.matches(MARKUP).count(), 2, "{again}");
    })
    .await;
}

#[tokio::test]
async fn a_reply_of_a_mebibyte_is_shown_and_the_page_still_answers() {
    let (provider, server) = scripted_server().await;
    let line = format!("{} end of the line\n", "words ".repeat(16));
    let reply = line.repeat(1024 * 1024 / line.len() - 1);
    let bytes = reply.len();
    provider.respond_with(move |_| {
        let pieces: Vec<_> = reply.as_bytes().chunks(8_000).collect();
        let pieces: Vec<_> = pieces.iter().map(|p| str::from_utf8(p).unwrap()).collect();
        let reply = pieces.iter().fold(begin_reply(""), |reply, piece| {
            reply.delta(piece).delay(Duration::from_millis(10))
        });
        reply.end("stop")
    });
    with_page(&server.base, async |page| {
        page.opens().await;
        // The model is faster than the page: what it could not keep up with is in the transcript.
        page.expects("410 (Gone)");
        page.creates("Long").await;
        page.evaluate(COUNT_CHARACTERS).await;
        page.says("all of it").await;
        let whole = "document.querySelector('[aria-label=\"assistant 2\"]:not([aria-busy])') !== null";
        page.shows(whole).await;
        // What is laid out again and again keeps the page from answering.
        let characters = page.evaluate("characters").await.as_u64().unwrap();
        let most = CHARACTERS_MAX * bytes as u64;
        assert!(characters < most, "{characters} for {bytes}");
        let shown = page.evaluate("document.querySelector('article:last-of-type .text').textContent.length");
        assert_eq!(shown.await, bytes);
        let piece = "Math.max(...[...document.querySelectorAll('article .text > div')].map((d) => d.textContent.length))";
        assert!(page.evaluate(piece).await.as_u64().unwrap() < 10_000);
        page.find("textbox", "Message").await.types("still here").await;
    })
    .await;
}
