//! A real Chromium without a window, driven by the protocol of its developer tools over a pipe: it needs neither a port nor a library.
//!
//! The browser is looked for as `$ARTERIAL_CHROMIUM` and on the path (`apt-get install chromium`).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::program;

/// What takes longer than this never comes.
const PATIENCE: Duration = Duration::from_mins(1);
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// How the page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Whether the system is dark.
    pub dark: bool,
    /// Whether it is a telephone.
    pub mobile: bool,
    /// Whether scripts run.
    pub scripts: bool,
}

impl Default for Screen {
    /// A desk: 1280 x 900, light.
    fn default() -> Self {
        Self {
            width: 1280,
            height: 900,
            dark: false,
            mobile: false,
            scripts: true,
        }
    }
}

/// A running browser with one page. Dropping it stops it.
pub struct Chromium {
    process: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    asked: u64,
    session: String,
    tab: Option<Value>,
    /// What the page's tab told besides answers.
    told: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts a browser, or says why there is none.
    ///
    /// # Panics
    /// Where a browser that is there cannot be started, and as [`missing`](crate::missing()) does where there is none.
    pub fn start() -> Option<Self> {
        let program = program("ARTERIAL_CHROMIUM", &NAMES, "apt-get install chromium")?;
        let profile = tempfile::tempdir().unwrap();
        let mut process = launch(&program, profile.path());
        let commands = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let read = serde_json::from_slice(&message).unwrap();
                if send.send(read).is_err() {
                    return;
                }
            }
        });
        Some(Self {
            process,
            commands,
            answers,
            asked: 0,
            session: String::new(),
            tab: None,
            told: Vec::new(),
            _profile: profile,
        })
    }

    /// Opens `url` in a new tab, in place of the one before, and waits until it is loaded.
    ///
    /// # Panics
    /// Where the browser does not do that.
    pub fn open(&mut self, url: &str, screen: Screen) {
        self.session.clear();
        if let Some(tab) = self.tab.take() {
            self.ask("Target.closeTarget", &json!({"targetId": tab}));
        }
        let tab = self.ask("Target.createTarget", &json!({"url": "about:blank"}));
        self.tab = Some(tab["targetId"].clone());
        let attached = self.ask(
            "Target.attachToTarget",
            &json!({"targetId": tab["targetId"], "flatten": true}),
        );
        attached["sessionId"].as_str().unwrap().clone_into(&mut self.session);
        for part in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{part}.enable"), &json!({}));
        }
        let size =
            json!({"width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": screen.mobile});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if screen.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.ask("Emulation.setEmulatedMedia", &media);
        self.ask(
            "Emulation.setScriptExecutionDisabled",
            &json!({"value": !screen.scripts}),
        );
        self.told.clear();
        self.ask("Page.navigate", &json!({"url": url}));
        self.until_told("Page.loadEventFired");
    }

    /// The value of an expression, which may be a promise.
    ///
    /// # Panics
    /// Where the expression throws.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let wanted = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.ask("Runtime.evaluate", &wanted);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true of the page.
    ///
    /// # Panics
    /// Where it is not within half a minute.
    pub fn until(&mut self, expression: &str) {
        let polling = format!(
            "new Promise(done => {{ let left = 600; const look = () => {{ if ({expression}) done(true); \
             else if (left-- > 0) setTimeout(look, 50); else done(false); }}; look(); }})"
        );
        let held = self.evaluate(&polling) == true;
        assert!(held, "never: {expression}\n{}", self.complaints().join("\n"));
    }

    /// Presses and lets go a key, such as `Tab`, `Enter`, `ArrowRight` or `+`.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            other => (0, other),
        };
        let event =
            |kind: &str| json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
        self.ask(
            "Input.dispatchKeyEvent",
            &event(if text.is_empty() { "rawKeyDown" } else { "keyDown" }),
        );
        self.ask(
            "Input.dispatchKeyEvent",
            &json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// Clicks with the mouse on the middle of what a selector finds.
    ///
    /// # Panics
    /// Where it finds nothing.
    pub fn click(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(() => {{ const found = document.querySelector({selector:?}); found.scrollIntoView({{block: 'center'}}); \
             const box = found.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// The roles and the accessible names of everything on the page that has a role.
    pub fn accessible(&mut self) -> Vec<(String, String)> {
        let tree = self.ask("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let seen = nodes.iter().filter(|node| node["ignored"] == false);
        let text = |node: &Value, part: &str| node[part]["value"].as_str().unwrap_or_default().to_owned();
        seen.map(|node| (text(node, "role"), text(node, "name"))).collect()
    }

    /// What the page's console and network complained of, and the addresses elsewhere that it asked.
    pub fn complaints(&mut self) -> Vec<String> {
        self.told.extend(self.answers.try_iter());
        let asked_for = |one: &&Value| one["method"] == "Network.requestWillBeSent";
        let address = |one: &Value| one["params"]["request"]["url"].as_str().unwrap_or_default().to_owned();
        let own = self.told.iter().find(asked_for).map(address).unwrap_or_default();
        let own: String = own.split('/').take(3).collect::<Vec<_>>().join("/");
        let of = |one: &Value| match one["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => Some(one["params"]["exceptionDetails"].to_string()),
            "Log.entryAdded" => Some(one["params"]["entry"].to_string()),
            "Runtime.consoleAPICalled" => Some(one["params"]["args"].to_string()),
            "Network.requestWillBeSent" if !address(one).starts_with(&own) => Some(address(one)),
            _ => None,
        };
        self.told.iter().filter_map(of).collect()
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        self.commands.flush().unwrap();
        loop {
            let answer = self.hear(method);
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.told.push(answer);
        }
    }

    fn until_told(&mut self, event: &str) {
        let limit = Instant::now() + PATIENCE;
        while !self.told.iter().any(|one| one["method"] == event) {
            assert!(Instant::now() < limit, "never: {event}");
            let next = self.hear(event);
            self.told.push(next);
        }
    }

    fn hear(&mut self, what: &str) -> Value {
        let answer = self.answers.recv_timeout(PATIENCE);
        answer.unwrap_or_else(|error| panic!("the browser says nothing of {what}: {error}"))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The browser reads its third and writes its fourth file; a shell joins them to what we hold.
fn launch(program: &Path, profile: &Path) -> Child {
    let line = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null";
    Command::new("sh")
        .args(["-c", line])
        .arg(program)
        .args([
            "--headless",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--no-first-run",
            "--disable-extensions",
        ])
        // What is opened comes from the test itself, and the tests may run as root.
        .args([
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--lang=en",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
