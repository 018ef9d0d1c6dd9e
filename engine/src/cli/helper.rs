//! The helper program that stands in for the vendors in a demonstration: started, told what people do
//! there, and asked what it holds. The engine's own word would be no proof.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    cli::open::Failure,
    config::Demo,
    http::{MAX_ANSWER, RawRequest, ReqwestTransport, Transport},
};

/// The helper program while it runs. It ends with this process, because its input does.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    /// Where it listens.
    pub(super) url: String,
}

impl Drop for Helper {
    fn drop(&mut self) {
        // Closing its input asks it to save and end; it is given a moment.
        drop(self.child.stdin.take());
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Deserialize)]
struct Ready {
    url: String,
}

/// The folder of the running program, where its helper and plugins lie, too.
pub(super) fn own_folder() -> Result<PathBuf, Failure> {
    let exe = std::env::current_exe().map_err(Failure::unexpected)?;
    exe.parent()
        .map(Path::to_owned)
        .ok_or_else(|| Failure::unexpected("this program lies in no folder"))
}

/// Starts the helper and waits until it says where it listens.
pub(super) fn start(
    demo: &Demo,
    config: &Path,
    state: &Path,
    now: Timestamp,
) -> Result<Helper, Failure> {
    let program = own_folder()?.join(&demo.program);
    let told = |why: std::io::Error| {
        Failure::configuration(format!(
            "the helper {} could not be started: {why}; build everything first: cargo build --release \
             --workspace",
            program.display()
        ))
    };
    let args = demo.args.iter().map(|it| {
        it.replace("{config}", &config.to_string_lossy())
            .replace("{state}", &state.to_string_lossy())
            .replace("{now}", &now.to_string())
    });
    let mut child = Command::new(&program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(told)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(told)?;
    }
    match serde_json::from_str::<Ready>(&line) {
        Ok(ready) => Ok(Helper {
            child,
            url: ready.url,
        }),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Failure::unexpected(format!(
                "the helper {} did not say where it listens, but: {line}",
                program.display()
            )))
        }
    }
}

impl Helper {
    /// Label and answer of each proof that `demo.toml` names.
    pub(super) async fn prove(&self, demo: &Demo) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for (label, path) in &demo.proofs {
            let text = match self.exchange("GET", path, Bytes::new()).await {
                Ok(body) => count(&body),
                Err(why) => why,
            };
            answers.push((label.clone(), text));
        }
        answers
    }

    /// Tells the helper to do something.
    pub(super) async fn tell(&self, path: &str, body: &str) -> Result<(), Failure> {
        let told = self.exchange("POST", path, Bytes::copy_from_slice(body.as_bytes()));
        told.await
            .map(|_| ())
            .map_err(|why| Failure::unexpected(format!("the helper, told {path}: {why}")))
    }

    async fn exchange(&self, method: &str, path: &str, body: Bytes) -> Result<Bytes, String> {
        let transport = ReqwestTransport::new().map_err(|why| why.to_string())?;
        let address = format!("{}{path}", self.url.trim_end_matches('/'));
        let request = RawRequest {
            method: method.into(),
            url: address.parse().map_err(|why| format!("{address}: {why}"))?,
            headers: Vec::new(),
            body,
            max_answer: MAX_ANSWER,
        };
        let answer = transport.exchange(request).await.map_err(|it| it.why)?;
        if (200..300).contains(&answer.status) {
            Ok(answer.body)
        } else {
            let text = String::from_utf8_lossy(&answer.body);
            Err(format!("it answered {}: {text}", answer.status))
        }
    }
}

/// The length of a list, or the text itself.
fn count(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(serde_json::Value::Array(list)) => list.len().to_string(),
        Ok(other) => other.to_string(),
        Err(why) => why.to_string(),
    }
}
