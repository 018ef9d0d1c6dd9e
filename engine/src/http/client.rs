//! The real network: one reqwest client for everything.
//!
//! Three settings are about exactly-once rather than about speed. Redirects are answers, not
//! instructions. The client's own repetition is off; the only thing that it may still do is to take
//! another connection when an idle one turned out to be closed before the request was begun. And
//! HTTP/1.1 alone is spoken: with a handful of calls in flight HTTP/2 gains nothing, and its resets
//! would blur what had been processed.

use std::{error::Error as _, time::Duration};

use bytes::BytesMut;
use reqwest::{
    Client, Method, NoProxy, Proxy,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect, retry,
};

use super::transport::{RawAnswer, RawRequest, Transport, TransportError};

/// Longest time for name resolution, connection and TLS.
const CONNECT: Duration = Duration::from_secs(15);
/// Idle connections are given up before the usual server does it (60 s and more), because a call
/// that meets a closing connection counts as lost.
const IDLE: Duration = Duration::from_secs(20);

/// Exchanges over TCP and TLS. `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured for https;
/// plain http only ever goes to this machine and takes no proxy.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: Client,
}

impl ReqwestTransport {
    /// Builds the client.
    pub fn new() -> Result<Self, TransportError> {
        // Somebody else in the process may have chosen a provider already; theirs serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = match builder()?.build() {
            Ok(client) => client,
            // A machine without any CA certificate can still talk to itself.
            Err(error) => {
                tracing::warn!(
                    error = cause(&error),
                    "no usable CA certificates on this machine: every https call will fail"
                );
                builder()?
                    .tls_certs_only([])
                    .build()
                    .map_err(|error| TransportError::before(cause(&error)))?
            }
        };
        Ok(Self { client })
    }
}

fn builder() -> Result<reqwest::ClientBuilder, TransportError> {
    let mut builder = Client::builder()
        .user_agent(concat!("ledgerline/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .no_proxy();
    if let Some(address) = env_either("HTTPS_PROXY").or_else(|| env_either("ALL_PROXY")) {
        let proxy = Proxy::https(&address).map_err(|_| {
            TransportError::before("HTTPS_PROXY or ALL_PROXY is not the address of a proxy")
        })?;
        let direct = env_either("NO_PROXY").unwrap_or_default();
        let direct = format!("{direct},localhost,127.0.0.0/8,::1");
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    Ok(builder)
}

/// Both spellings are in use.
fn env_either(name: &str) -> Option<String> {
    std::env::var(name)
        .or_else(|_| std::env::var(name.to_ascii_lowercase()))
        .ok()
        .filter(|it| !it.trim().is_empty())
}

#[async_trait::async_trait]
impl Transport for ReqwestTransport {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| TransportError::before("the method is not one of HTTP"))?;
        let mut response = self
            .client
            .request(method, request.url)
            .headers(headers(&request.headers)?)
            .body(request.body)
            .send()
            .await
            .map_err(classify)?;
        let length = response.content_length().unwrap_or(0);
        if length > request.max_answer as u64 {
            return Err(TransportError::too_long(request.max_answer));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > request.max_answer {
                return Err(TransportError::too_long(request.max_answer));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        Ok(RawAnswer {
            status: response.status().as_u16(),
            headers,
            body: body.freeze(),
        })
    }
}

fn headers(list: &[(String, String)]) -> Result<HeaderMap, TransportError> {
    let mut map = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let bad = |what: &str| TransportError::before(format!("header {name} has a bad {what}"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("name"))?;
        let mut held = HeaderValue::from_str(value).map_err(|_| bad("value"))?;
        held.set_sensitive(true);
        map.append(key, held);
    }
    Ok(map)
}

fn classify(error: reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::before(cause(&error))
    } else {
        TransportError::after(cause(&error))
    }
}

/// The innermost causes say what happened; the outer layer only repeats the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        source = inner.source();
    }
    if texts.is_empty() {
        "the call could not be made".to_owned()
    } else {
        texts.join(": ")
    }
}
