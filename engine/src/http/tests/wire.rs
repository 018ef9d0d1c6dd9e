//! The real client against a listener on this machine.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use url::Url;

use crate::http::{
    MAX_ANSWER, RawAnswer, RawRequest, ReqwestTransport, Transport, TransportError,
    transport::exchange_within,
};

/// Serves connections, one after another: reads a request's head and answers with these bytes.
fn serve(replies: Vec<&'static [u8]>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    thread::spawn(move || {
        for reply in replies {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            count.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            let mut chunk = [0; 1024];
            while !head.windows(4).any(|it| it == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(0) | Err(_) => break,
                    // A TLS handshake has no end of a head to wait for.
                    Ok(_) if chunk[0] == 0x16 => break,
                    Ok(read) => head.extend_from_slice(&chunk[..read]),
                }
            }
            let _ = stream.write_all(reply);
            let _ = stream.shutdown(Shutdown::Write);
        }
    });
    (port, taken)
}

async fn put(
    transport: &ReqwestTransport,
    port: u16,
    max_answer: usize,
) -> Result<RawAnswer, TransportError> {
    let request = RawRequest {
        method: "PUT".to_owned(),
        url: Url::parse(&format!("http://127.0.0.1:{port}/x?secret=canary")).unwrap(),
        headers: vec![("Authorization".to_owned(), "Bearer canary".to_owned())],
        body: Bytes::new(),
        max_answer,
    };
    exchange_within(transport, request, Duration::from_secs(20)).await
}

#[tokio::test]
async fn what_left_is_told_from_what_did_not() {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}";
    type Expected = Result<u16, (bool, bool)>;
    let cases: [(&str, &'static [u8], usize, Expected); 8] = [
        // name, reply, longest answer, status or (before sending, lasting)
        ("complete", OK, MAX_ANSWER, Ok(200)),
        (
            "redirect",
            b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n",
            9,
            Ok(302),
        ),
        ("no answer", b"", MAX_ANSWER, Err((false, false))),
        (
            "half a head",
            b"HTTP/1.1 200 OK\r\nConte",
            MAX_ANSWER,
            Err((false, false)),
        ),
        (
            "body cut short",
            b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{\"a\":",
            MAX_ANSWER,
            Err((false, false)),
        ),
        (
            "chunks cut short",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
            MAX_ANSWER,
            Err((false, false)),
        ),
        ("announced too long", OK, 1, Err((false, true))),
        (
            "too long without saying so",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
            4,
            Err((false, true)),
        ),
    ];
    let transport = ReqwestTransport::new().unwrap();
    for (name, reply, max_answer, expected) in cases {
        let (port, taken) = serve(vec![reply, OK]);
        let actual = put(&transport, port, max_answer).await;
        if let Err(error) = &actual {
            assert!(!error.why.contains("canary"), "{name}: {error}");
        }
        let actual = actual
            .map(|it| it.status)
            .map_err(|it| (it.before_sending, it.lasting));
        assert_eq!(actual, expected, "{name}");
        assert_eq!(taken.load(Ordering::SeqCst), 1, "{name}: it left once");
    }
}

#[tokio::test]
async fn a_closed_port_and_a_failed_handshake_mean_that_nothing_left() {
    let transport = ReqwestTransport::new().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = put(&transport, port, MAX_ANSWER).await.unwrap_err();
    assert!(error.before_sending, "{error}");
    assert!(error.why.to_lowercase().contains("refused"), "{error}");

    let (port, _) = serve(vec![b"this is not TLS\r\n\r\n"]);
    let request = RawRequest {
        method: "PUT".to_owned(),
        url: Url::parse(&format!("https://127.0.0.1:{port}/x")).unwrap(),
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
        max_answer: MAX_ANSWER,
    };
    let error = transport.exchange(request).await.unwrap_err();
    assert!(error.before_sending, "{error}");
}

#[tokio::test]
async fn compressed_answers_are_unpacked_within_the_limit() {
    // `{"a":1}` in gzip.
    const PACKED: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xab, 0x56, 0x4a, 0x54, 0xb2,
        0x32, 0xac, 0x05, 0x00, 0xaf, 0xac, 0x1b, 0x56, 0x07, 0x00, 0x00, 0x00,
    ];
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        PACKED.len()
    );
    let reply: &'static [u8] = [head.as_bytes(), PACKED].concat().leak();
    let transport = ReqwestTransport::new().unwrap();
    let (port, _) = serve(vec![reply]);
    let answer = put(&transport, port, MAX_ANSWER).await.unwrap();
    assert_eq!(&*answer.body, b"{\"a\":1}");
    let (port, _) = serve(vec![reply]);
    let error = put(&transport, port, 6).await.unwrap_err();
    assert!(error.lasting && !error.before_sending, "{error}");
}
