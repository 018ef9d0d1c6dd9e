//! The same world behind a listener.

use std::time::Duration;

use sandbox::{Saver, World, serve, serve_saving};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{TENANT, Xero, small};

/// Sends one request on its own connection and reads until it ends.
async fn raw(address: std::net::SocketAddr, request: &sandbox::Request) -> String {
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, request.target());
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!(
        "Host: sandbox\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        request.body.len()
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.write_all(&request.body).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut ends in an error or in nothing; both are what the test is about.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn on_loopback(world: &World, saver: Option<Saver>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = world.clone();
    tokio::spawn(async move {
        match saver {
            Some(saver) => serve_saving(world, listener, saver).await,
            None => serve(world, listener).await,
        }
    });
    address
}

#[tokio::test]
async fn whole_lost_and_truncated_answers_arrive_as_such() {
    let world = small();
    let xero = Xero::new(&world);
    let address = on_loopback(&world, None).await;
    let get = xero.request("GET", "Organisation");
    let whole = raw(address, &get).await;
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
    let body = whole.split_once("\r\n\r\n").unwrap().1;
    assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());

    let script = json!([{ "fault": "reset" }, { "fault": "truncate" }, { "fault": "lose-answer" }]);
    world.set_faults(serde_json::from_value(script).unwrap());
    assert_eq!(raw(address, &get).await, "", "reset");
    let cut = raw(address, &get).await;
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let announced = head
        .lines()
        .find_map(|it| it.strip_prefix("content-length: "))
        .map(|it| it.parse::<usize>().unwrap());
    assert_eq!(announced.map(|it| it / 2), Some(body.len()), "{head}");
    let put = xero.sent(
        "PUT",
        "CreditNotes",
        &json!({ "CreditNotes": [xero.note("CN-1")] }),
    );
    assert_eq!(raw(address, &put).await, "", "lost");
    assert_eq!(world.xero(TENANT).credit_note_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_driven_clock_and_slow_answers_follow_paused_timers() {
    let start = tokio::time::Instant::now();
    let clock = sandbox::Clock::driven("2026-11-22T02:00:00Z".parse().unwrap(), move || {
        start.elapsed()
    });
    let world = World::new(&sandbox::Seed::small().unwrap(), clock).unwrap();
    let xero = Xero::new(&world);
    let script = json!([{ "fault": "slow:5000" }]);
    world.set_faults(serde_json::from_value(script).unwrap());
    let reply = xero.get("Organisation");
    tokio::time::sleep(reply.delay).await;
    assert_eq!(world.now().to_string(), "2026-11-22T02:00:05Z");
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert_eq!(
        xero.get("Organisation").status,
        401,
        "the token has expired"
    );
}

#[tokio::test]
async fn what_was_written_is_on_disk_before_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let world = small();
    let xero = Xero::new(&world);
    let address = on_loopback(&world, Some(Saver::new(world.clone(), &path))).await;
    let put = xero.sent(
        "PUT",
        "CreditNotes",
        &json!({ "CreditNotes": [xero.note("CN-1")] }),
    );
    assert!(raw(address, &put).await.starts_with("HTTP/1.1 200"));
    let saved = std::fs::read_to_string(&path).unwrap();
    let clock = sandbox::Clock::frozen(world.now());
    let again = World::load(&saved, clock).unwrap();
    assert!(again.xero(TENANT).credit_note("CN-1").is_some());
    let token = Xero {
        world: again.clone(),
        token: xero.token.clone(),
        tenant: xero.tenant,
    };
    assert_eq!(token.get("Organisation").status, 200, "its tokens too");
}
