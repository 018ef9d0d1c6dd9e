//! What the helper of a demonstration holds, asked after the run: the engine's own word is no proof.

use crate::{
    http::{MAX_ANSWER, RawRequest, ReqwestTransport, Transport},
    pipeline::Engine,
};

/// Label and answer of each proof that `demo.toml` names.
pub(super) async fn ask(engine: &Engine, url: &str) -> Vec<(String, String)> {
    let Some(demo) = &engine.deployment().demo else {
        return Vec::new();
    };
    let Ok(transport) = ReqwestTransport::new() else {
        return Vec::new();
    };
    let mut answers = Vec::new();
    for (label, path) in &demo.proofs {
        let address = format!("{}{path}", url.trim_end_matches('/'));
        let Ok(url) = address.parse() else { continue };
        let request = RawRequest {
            method: "GET".into(),
            url,
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            max_answer: MAX_ANSWER,
        };
        let text = match transport.exchange(request).await {
            Ok(answer) => count(&answer.body),
            Err(why) => why.why,
        };
        answers.push((label.clone(), text));
    }
    answers
}

/// The length of a list, or the text itself.
fn count(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(serde_json::Value::Array(list)) => list.len().to_string(),
        Ok(other) => other.to_string(),
        Err(why) => why.to_string(),
    }
}
