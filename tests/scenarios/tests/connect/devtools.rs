//! A real browser, led over its DevTools protocol: it loads the pages, lays them out, and clicks
//! where their buttons are.
//!
//! Chromium speaks the protocol on its file descriptors 3 and 4 when it is asked to, as JSON with a
//! zero byte after each message. Named pipes put there by a shell need neither a port nor a library.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use scenarios::PATIENCE;
use serde_json::{Value, json};

/// The browser's program, where there is one.
pub(crate) fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|it| folder.join(it)))
        .find(|it| it.is_file())
}

/// One window of a browser of its own.
pub(crate) struct Browser {
    child: Child,
    asks: File,
    answers: Receiver<Value>,
    session: String,
    count: u64,
    _folder: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start(program: &PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (asks, answers) = (folder.path().join("asks"), folder.path().join("answers"));
        for pipe in [&asks, &answers] {
            let made = Command::new("mkfifo").arg(pipe).status().expect("mkfifo");
            assert!(made.success());
        }
        let child = Command::new("sh")
            .args([
                "-c",
                "asks=$1 answers=$2; shift 2; exec \"$@\" 3<\"$asks\" 4>\"$answers\"",
                "sh",
            ])
            .args([&asks, &answers, program])
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-first-run",
            ])
            // In a container there is no second sandbox, and little shared memory.
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        // Each of these waits for the shell to open its end, in the same order.
        let asks = OpenOptions::new().write(true).open(&asks).expect("a pipe");
        let answers = File::open(&answers).expect("a pipe");
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0) {
                let Ok(message) = message else { return };
                let Ok(message) = serde_json::from_slice(&message) else {
                    continue;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            child,
            asks,
            answers: receiver,
            session: String::new(),
            count: 0,
            _folder: folder,
        };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = browser.ask(
            "Target.attachToTarget",
            json!({ "targetId": target["targetId"], "flatten": true }),
        );
        browser.session = attached["sessionId"]
            .as_str()
            .expect("a session")
            .to_owned();
        browser
    }

    /// Goes to an address, as if it were typed.
    pub(crate) fn go(&mut self, url: &str) {
        let gone = self.ask("Page.navigate", json!({ "url": url }));
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
    }

    /// Waits until the page shows this text.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let wanted = json!(text);
        self.until(&format!(
            "document.readyState === 'complete' && document.body.innerText.includes({wanted})"
        ));
    }

    /// Clicks in the middle of an element with the mouse.
    pub(crate) fn click(&mut self, selector: &str) {
        let selector = json!(selector);
        let place = self.evaluate(&format!(
            "(() => {{ const it = document.querySelector({selector}); if (!it) return null; \
             it.scrollIntoView({{block: 'center'}}); const box = it.getBoundingClientRect(); \
             return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}; }})()"
        ));
        assert!(place.is_object(), "no {selector}: {}", self.text());
        for kind in ["mousePressed", "mouseReleased"] {
            self.ask(
                "Input.dispatchMouseEvent",
                json!({
                    "type": kind, "x": place["x"], "y": place["y"], "button": "left",
                    "clickCount": 1,
                }),
            );
        }
    }

    /// Types where the last click has put the cursor.
    pub(crate) fn type_in(&mut self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// What a person reads.
    pub(crate) fn text(&mut self) -> String {
        let text = self.evaluate("document.body.innerText");
        text.as_str().unwrap_or_default().to_owned()
    }

    fn until(&mut self, condition: &str) {
        let begun = Instant::now();
        while self.evaluate(condition) != json!(true) {
            let text = self.text();
            assert!(
                begun.elapsed() < PATIENCE,
                "never: {condition}; it shows: {text}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let answer = self.ask(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true }),
        );
        answer["result"]["value"].clone()
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let mut message = json!({ "id": self.count, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.asks.write_all(&bytes).expect("the browser runs");
        loop {
            let answer = self
                .answers
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|why| panic!("{method}: {why}"));
            // Events come in between.
            if answer["id"] != json!(self.count) {
                continue;
            }
            // While one page gives way to the next there is nothing to evaluate in.
            if method != "Runtime.evaluate" {
                assert!(answer["error"].is_null(), "{method}: {answer}");
            }
            return answer["result"].clone();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
