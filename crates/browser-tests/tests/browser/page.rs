//! The page in a browser, as a person uses it. What is found is found by role and accessible name.

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, Locator};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use testkit::deadline::in_time;
use tokio::time::sleep;

use crate::driver::{Driver, devtools, take_log};

/// Longest test; a browser that hangs is a failure.
const TEST_TIMEOUT: Duration = Duration::from_secs(100);
/// Longest wait for what a browser shows when a test has failed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often what is waited for is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// Enter, as WebDriver has it.
pub(crate) const ENTER: &str = "\u{e007}";
/// Escape.
pub(crate) const ESCAPE: &str = "\u{e00c}";
/// Shift, until the next one.
pub(crate) const SHIFT: &str = "\u{e008}";

/// A browser with the page of the server at `base`.
pub(crate) struct Page {
    pub(crate) client: Client,
    pub(crate) base: String,
    /// Parts of what the browser may log as an error, because the test makes it happen.
    expected: Mutex<Vec<&'static str>>,
    marks: AtomicU64,
    processes: Vec<u32>,
}

/// A request of the browser.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) url: String,
    /// Seconds since the epoch.
    pub(crate) at: f64,
}

/// The accessible name of what is looked for.
#[derive(Debug, Clone)]
enum Name {
    Any,
    Is(String),
    BeginsWith(String),
}

/// An element that was found, and by what.
pub(crate) struct Found<'a> {
    page: &'a Page,
    object: String,
    role: &'static str,
    name: Name,
}

/// Keeps the text of all news that are shown: they pass, perhaps before the test has looked.
const KEEP_NEWS: &str = "window.news = []; new MutationObserver((changes) => { \
    for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes])) \
        if (node instanceof Element && node.matches('[role=status][aria-label=News]') && node.checkVisibility()) \
            news.push(node.textContent); \
    }).observe(document, { childList: true, subtree: true })";

/// Runs a test with a browser of its own, closes that, and asserts that nothing was amiss in it.
pub(crate) async fn with_page(base: &str, test: impl AsyncFnOnce(&Page)) {
    let driver = Driver::start().await;
    let page = Page {
        client: driver.client.clone(),
        base: base.to_owned(),
        expected: Mutex::default(),
        marks: AtomicU64::new(0),
        processes: driver.browser_processes(),
    };
    let work = async {
        page.runs_first(KEEP_NEWS).await;
        let test = tokio::time::timeout(TEST_TIMEOUT, test(&page));
        test.await.expect("the browser answers");
        page.complaints().await
    };
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    if outcome.is_err() {
        // A browser that was put to sleep could not close.
        page.signals("CONT");
        let text = page
            .client
            .execute("return document.body.innerText.slice(0, 3000)", Vec::new());
        let text = tokio::time::timeout(CLOSE_TIMEOUT, text).await;
        eprintln!("the page says: {text:?}");
    }
    driver.client.clone().close().await.unwrap();
    match outcome {
        Ok(complaints) => assert!(complaints.is_empty(), "{complaints:#?}"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

impl Page {
    /// Opens the page and nothing else.
    pub(crate) async fn opens(&self) {
        self.goes_to("").await;
    }

    /// Opens the page at this fragment.
    pub(crate) async fn goes_to(&self, fragment: &str) {
        let url = format!("{}/{fragment}", self.base);
        self.client.goto(&url).await.unwrap();
    }

    /// Opens the page and signs in with the token. Without one nothing asks for it.
    pub(crate) async fn opens_signed_in(&self, token: &str) {
        self.opens().await;
        if !token.is_empty() {
            self.expects("401 (Unauthorized)");
            self.signs_in(token).await;
        }
        self.is("connected").await;
    }

    pub(crate) async fn signs_in(&self, token: &str) {
        self.find("textbox", "Token").await.types(token).await;
        self.presses("Sign in").await;
    }

    /// Waits until the connection is in this state.
    pub(crate) async fn is(&self, state: &str) {
        self.until(async || self.find("status", "Connection").await.text().await == state)
            .await;
    }

    /// Makes a worker of this name, and waits until its conversation is open.
    pub(crate) async fn creates(&self, name: &str) {
        self.presses("New worker").await;
        self.find("dialog", "New worker").await;
        self.find("textbox", "Name").await.types(name).await;
        self.presses("Create").await;
        self.find("heading", name).await;
        self.find("textbox", "Message").await;
    }

    /// Opens the conversation of the worker whose name begins so.
    pub(crate) async fn chooses(&self, name: &str) {
        self.link(name).await.click().await;
        self.find("textbox", "Message").await;
    }

    /// The link to the worker whose name begins so.
    pub(crate) async fn link(&self, name: &str) -> Found<'_> {
        self.find_by("link", Name::BeginsWith(name.to_owned()))
            .await
    }

    /// Types a message and sends it with Enter.
    pub(crate) async fn says(&self, text: &str) {
        let message = self.find("textbox", "Message").await;
        message.types(&format!("{text}{ENTER}")).await;
    }

    /// The text of the reply with this number, once it is whole.
    pub(crate) async fn reply(&self, sequence: u64) -> String {
        let name = format!("assistant {sequence}");
        self.until(async || {
            let found = self.find("article", &name).await;
            found.attribute("aria-busy").await.is_null()
        })
        .await;
        self.find("article", &name).await.text().await
    }

    pub(crate) async fn presses(&self, button: &str) {
        self.find("button", button).await.click().await;
    }

    /// Waits for an `alert` with this text.
    pub(crate) async fn alerts(&self, part: &str) {
        self.until(async || {
            for alert in self.all("alert", &Name::Any).await {
                if alert.text().await.contains(part) {
                    return true;
                }
            }
            false
        })
        .await;
    }

    /// Waits until news with this text are shown, or have been since the page was opened.
    pub(crate) async fn shows_news(&self, part: &str) {
        let script = format!("news.some((text) => text.includes({}))", json!(part));
        self.shows(&script).await;
    }

    /// Waits until the element with this id has the focus.
    pub(crate) async fn has_focus_on(&self, id: &str) {
        let focused = "document.activeElement.id";
        self.until(async || self.evaluate(focused).await == id)
            .await;
    }

    /// The element with this role and name, once there is one.
    pub(crate) async fn find(&self, role: &'static str, name: &str) -> Found<'_> {
        self.find_by(role, Name::Is(name.to_owned())).await
    }

    async fn find_by(&self, role: &'static str, name: Name) -> Found<'_> {
        let looking = async {
            loop {
                if let Some(found) = self.all(role, &name).await.into_iter().next() {
                    return found;
                }
                sleep(LOOK_EVERY).await;
            }
        };
        let found = tokio::time::timeout(testkit::deadline::TIMEOUT, looking).await;
        found.unwrap_or_else(|_| panic!("there is no {role} {name:?}"))
    }

    /// Whether there is such an element now.
    pub(crate) async fn has(&self, role: &'static str, name: &str) -> bool {
        let name = Name::Is(name.to_owned());
        !self.all(role, &name).await.is_empty()
    }

    /// Whether there is any element with this role now.
    pub(crate) async fn has_any(&self, role: &'static str) -> bool {
        !self.all(role, &Name::Any).await.is_empty()
    }

    /// Waits until there is none.
    pub(crate) async fn loses(&self, role: &'static str, name: &str) {
        self.until(async || !self.has(role, name).await).await;
    }

    /// All elements with this role and name, as the accessibility tree has them now.
    async fn all(&self, role: &'static str, name: &Name) -> Vec<Found<'_>> {
        let document = json!({ "expression": "document" });
        let document = self.devtools("Runtime.evaluate", document).await;
        let mut query = json!({ "objectId": document["result"]["objectId"], "role": role });
        if let Name::Is(name) = name {
            query["accessibleName"] = name.as_str().into();
        }
        let found = self.devtools("Accessibility.queryAXTree", query).await;
        let mut elements = Vec::new();
        for node in found["nodes"].as_array().unwrap() {
            let of_node = node["name"]["value"].as_str().unwrap_or_default();
            let is_other = matches!(name, Name::BeginsWith(start) if !of_node.starts_with(start));
            if node["ignored"] == true || is_other {
                continue;
            }
            let id = json!({ "backendNodeId": node["backendDOMNodeId"] });
            // A node may be gone by now.
            let resolved = self.try_devtools("DOM.resolveNode", id).await;
            if let Some(object) = resolved["object"]["objectId"].as_str() {
                elements.push(Found {
                    page: self,
                    object: object.to_owned(),
                    role,
                    name: name.clone(),
                });
            }
        }
        elements
    }

    /// Waits until `is_so`.
    pub(crate) async fn until(&self, mut is_so: impl AsyncFnMut() -> bool) {
        in_time(async {
            while !is_so().await {
                sleep(LOOK_EVERY).await;
            }
        })
        .await;
    }

    /// The value of a JavaScript expression.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        self.client.execute(&script, Vec::new()).await.unwrap()
    }

    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        devtools(&self.client, command, parameters).await
    }

    /// From now on each page that is opened runs this script before its own.
    pub(crate) async fn runs_first(&self, script: &str) {
        let script = json!({ "source": script });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    /// What `function` returns for this object; nothing once it is gone.
    async fn call_on(&self, object: &str, function: &str) -> Value {
        let call = json!({
            "objectId": object,
            "functionDeclaration": function,
            "returnByValue": true,
        });
        self.try_devtools("Runtime.callFunctionOn", call).await["result"]["value"].clone()
    }

    /// An object for WebDriver, which knows no roles.
    async fn element(&self, object: &str) -> Result<Element, CmdError> {
        let mark = self.marks.fetch_add(1, Ordering::Relaxed).to_string();
        let function = format!("function() {{ this.setAttribute('data-found', '{mark}') }}");
        self.call_on(object, &function).await;
        let selector = format!("[data-found='{mark}']");
        self.client.find(Locator::Css(&selector)).await
    }

    /// [`Page::devtools`] of what may be gone.
    async fn try_devtools(&self, command: &str, parameters: Value) -> Value {
        let asked = AssertUnwindSafe(self.devtools(command, parameters));
        asked.catch_unwind().await.unwrap_or_default()
    }

    /// Sends a signal to all of the browser, whose sleep and awakening `STOP` and `CONT` are.
    pub(crate) fn signals(&self, signal: &str) {
        let processes = self.processes.iter().map(u32::to_string);
        let mut kill = std::process::Command::new("kill");
        let kill = kill.arg(format!("-{signal}")).args(processes);
        // Some may have ended since.
        let _ = kill.stderr(std::process::Stdio::null()).status().unwrap();
    }

    /// Gives the page this size, in pixels.
    pub(crate) async fn has_size(&self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// From now on the page gets an answer to this kind of request only when it is let through with
    /// [`Page::releases_answers`]: the server has acted by then.
    pub(crate) async fn holds_answers(&self, method: &str, path: &str) {
        self.replaces_fetch(method, path, "await released; return response")
            .await;
        let promise = "void (window.released = new Promise((done) => window.release = done))";
        self.evaluate(promise).await;
    }

    pub(crate) async fn releases_answers(&self) {
        self.evaluate("release()").await;
    }

    /// From now on the answers to this kind of request are lost, until [`Page::loses_no_answers`].
    pub(crate) async fn loses_answers(&self, method: &str, path: &str) {
        self.replaces_fetch(method, path, "throw new TypeError('lost')")
            .await;
    }

    pub(crate) async fn loses_no_answers(&self) {
        self.evaluate("void (window.fetch = window.originalFetch)")
            .await;
    }

    /// Requests of this method whose address matches this expression end like this, once answered.
    async fn replaces_fetch(&self, method: &str, path: &str, end: &str) {
        let replacement = format!(
            "async (url, options) => {{ const response = await originalFetch(url, options); \
             if (options.method !== '{method}' || !/{path}/.test(url)) return response; \
             window.answered = true; {end}; }}"
        );
        let script = format!("void (window.originalFetch ??= fetch, window.fetch = {replacement})");
        self.evaluate(&script).await;
    }

    /// Waits until the server has answered a request that [`Page::holds_answers`] or
    /// [`Page::loses_answers`] is about.
    pub(crate) async fn is_answered(&self) {
        self.until(async || self.evaluate("window.answered").await == true)
            .await;
    }

    /// Presses (`mousePressed`) or releases (`mouseReleased`) the button of the mouse on an element.
    pub(crate) async fn mouse(&self, what: &str, on: &Found<'_>) {
        let middle = "function() { const { x, y, width, height } = this.getBoundingClientRect(); \
            return [x + width / 2, y + height / 2] }";
        let middle = on.call(middle).await;
        let event = json!({ "type": what, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1 });
        self.devtools("Input.dispatchMouseEvent", event).await;
    }

    /// Presses keys where the focus is.
    pub(crate) async fn types(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    /// Waits until the expression is true.
    pub(crate) async fn shows(&self, expression: &str) {
        self.until(async || self.evaluate(expression).await == true)
            .await;
    }

    /// The requests since this was last asked.
    pub(crate) async fn requests(&self) -> Vec<Request> {
        let entries = take_log(&self.client, "performance").await;
        let events = entries.iter().map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            message["message"].clone()
        });
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .map(|event| Request {
                url: event["params"]["request"]["url"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                at: event["params"]["wallTime"].as_f64().unwrap(),
            })
            .collect()
    }

    /// From now on the browser may log errors that have this text.
    pub(crate) fn expects(&self, part: &'static str) {
        self.expected.lock().unwrap().push(part);
    }

    /// Errors and warnings that nobody expects, and requests to other origins.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let expected = self.expected.lock().unwrap().clone();
        let mut complaints = Vec::new();
        for entry in take_log(&self.client, "browser").await {
            let text = entry["message"].as_str().unwrap();
            if !expected.iter().any(|part| text.contains(part)) {
                complaints.push(text.to_owned());
            }
        }
        let own = [&*self.base, "data:", "about:", "chrome:"];
        for Request { url, .. } in self.requests().await {
            if !own.iter().any(|origin| url.starts_with(origin)) {
                complaints.push(format!("a request to {url}"));
            }
        }
        complaints
    }
}

impl Found<'_> {
    /// Clicks in the middle of it, as a person does: whatever covers it gets the click.
    pub(crate) async fn click(&self) {
        self.act(async |element| element.click().await).await;
    }

    /// Types into it.
    pub(crate) async fn types(&self, text: &str) {
        self.act(async |element| element.send_keys(text).await)
            .await;
    }

    /// Its text as it is shown.
    pub(crate) async fn text(&self) -> String {
        let text = self.call("function() { return this.innerText }").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The value of a field.
    pub(crate) async fn value(&self) -> String {
        let value = self.call("function() { return this.value }").await;
        value.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn attribute(&self, name: &str) -> Value {
        let function = format!("function() {{ return this.getAttribute('{name}') }}");
        self.call(&function).await
    }

    /// What `function` returns for it; nothing once it is gone.
    pub(crate) async fn call(&self, function: &str) -> Value {
        self.page.call_on(&self.object, function).await
    }

    /// Does something with it as WebDriver has it. If the page has put another element in its place
    /// since it was found, that one is meant.
    async fn act(&self, act: impl AsyncFn(Element) -> Result<(), CmdError>) {
        let mut object = self.object.clone();
        in_time(async {
            loop {
                let acted = async { act(self.page.element(&object).await?).await };
                match acted.await {
                    Err(error)
                        if error.is_no_such_element() || error.is_stale_element_reference() => {}
                    acted => return acted.unwrap(),
                }
                let found = self.page.find_by(self.role, self.name.clone());
                object = found.await.object;
            }
        })
        .await;
    }
}
