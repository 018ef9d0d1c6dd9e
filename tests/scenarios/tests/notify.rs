//! Messages about what needs a person: by e-mail to a small server in this process, by a webhook to a
//! small listener, from the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use scenarios::{
    PATIENCE,
    processes::{Ended, Programs, finish, set},
    running::Running,
};
use serde_json::{Value, json};

const NOTES: usize = 3;
const PASSWORD: &str = "mail-password-canary";
const KEY: &str = "hook-key-canary";

/// A mail server that takes every mail, or none.
#[derive(Clone)]
struct MailServer {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    logins: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, Clone, Default)]
struct Mail {
    from: String,
    to: Vec<String>,
    head: String,
    text: String,
}

impl MailServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = Self {
            port: listener.local_addr().unwrap().port(),
            mails: Arc::default(),
            logins: Arc::default(),
        };
        let server = here.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away ends its own conversation alone.
                let _ = server.talk(stream);
            }
        });
        here
    }

    fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut write = stream.try_clone()?;
        let mut lines = BufReader::new(stream).lines();
        let mut mail = Mail::default();
        write.write_all(b"220 stand-in\r\n")?;
        while let Some(line) = lines.next().transpose()? {
            let answer: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => b"250-stand-in\r\n250 AUTH PLAIN\r\n",
                "AUTH" => {
                    let word = line.rsplit(' ').next().unwrap_or_default();
                    let login = STANDARD.decode(word).unwrap_or_default();
                    self.logins
                        .lock()
                        .unwrap()
                        .push(String::from_utf8_lossy(&login).into_owned());
                    b"235 welcome\r\n"
                }
                "MAIL" => {
                    mail.from = line;
                    b"250 ok\r\n"
                }
                "RCPT" => {
                    mail.to.push(line);
                    b"250 ok\r\n"
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n")?;
                    let mut body = Vec::new();
                    while let Some(line) = lines.next().transpose()?.filter(|it| it != ".") {
                        body.push(line);
                    }
                    let cut = body.iter().position(String::is_empty).unwrap_or(body.len());
                    mail.head = body[..cut].join("\n");
                    let text = STANDARD.decode(body[cut..].concat()).unwrap_or_default();
                    mail.text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
                    self.mails.lock().unwrap().push(std::mem::take(&mut mail));
                    b"250 taken\r\n"
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n")?;
                    return Ok(());
                }
                _ => b"502 what\r\n",
            };
            write.write_all(answer)?;
        }
        Ok(())
    }

    fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

/// A listener that answers with a status; 0 means that it never answers.
#[derive(Clone)]
struct Hook {
    port: u16,
    status: Arc<AtomicU16>,
    calls: Arc<Mutex<Vec<(String, String)>>>,
    /// Calls that get no answer.
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Hook {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = Self {
            port: listener.local_addr().unwrap().port(),
            status: Arc::new(AtomicU16::new(status)),
            calls: Arc::default(),
            open: Arc::default(),
        };
        let hook = here.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(Some(open)) = hook.answer(stream) {
                    hook.open.lock().unwrap().push(open);
                }
            }
        });
        here
    }

    /// Gives the connection back when it is to stay open without an answer.
    fn answer(&self, stream: TcpStream) -> std::io::Result<Option<TcpStream>> {
        let mut read = BufReader::new(stream.try_clone()?);
        let mut head = String::new();
        while read.read_line(&mut head)? > 2 {}
        let length = head
            .lines()
            .filter_map(|it| it.split_once(": "))
            .find(|it| it.0.eq_ignore_ascii_case("content-length"))
            .and_then(|it| it.1.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        read.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        self.calls.lock().unwrap().push((head, body));
        let status = self.status.load(Ordering::SeqCst);
        if status == 0 {
            return Ok(Some(stream));
        }
        let mut stream = stream;
        // Where a redirect would lead, nobody is to be sent.
        let answer = format!(
            "HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:{}/elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.port
        );
        stream.write_all(answer.as_bytes())?;
        Ok(None)
    }

    /// Whether a caller still waits for its answer.
    fn hangs(&self) -> bool {
        let open = self.open.lock().unwrap();
        open.iter().any(|stream| {
            stream.set_nonblocking(true).unwrap();
            // A caller that went away reads as the end.
            let read = stream.peek(&mut [0]);
            read.is_err_and(|it| it.kind() == std::io::ErrorKind::WouldBlock)
        })
    }

    fn calls(&self) -> Vec<(String, String)> {
        self.calls.lock().unwrap().clone()
    }
}

fn run(programs: &Programs, args: &[&str]) -> Ended {
    let mut command = programs.engine(args);
    command
        .env("MAIL_USER", "ledgerline")
        .env("MAIL_PASSWORD", PASSWORD);
    command.env("HOOK_KEY", KEY);
    let ended = finish(command.spawn().expect("the engine starts"));
    for secret in [PASSWORD, KEY] {
        assert!(!ended.stdout.contains(secret), "{ended:#?}");
        assert!(!ended.stderr.contains(secret), "{ended:#?}");
    }
    ended
}

fn told(programs: &Programs, name: &str) -> Value {
    let status = run(programs, &["status", "--json"]).json();
    let all = status["notify"].as_array().expect("a list").clone();
    all.into_iter()
        .find(|it| it["name"] == name)
        .expect("a receiver")
}

fn start(mail: &MailServer, hook: &Hook) -> Programs {
    Programs::start(NOTES, |plan| {
        let notify = format!(
            r#"
            [bookkeeper]
            host = "127.0.0.1"
            port = {}
            tls = "none"
            from = "ledgerline@example.com"
            to = ["kim@example.com", "lee@example.com"]
            credentials = {{ username = {{ env = "MAIL_USER" }}, password = {{ env = "MAIL_PASSWORD" }} }}
            link-base = "https://books.example.com/pages"
            every = "0s"
            [chat]
            url = "http://127.0.0.1:{}/hooks/7"
            secret = {{ env = "HOOK_KEY" }}
            every = "0s"
            "#,
            mail.port, hook.port
        );
        let notify: toml::Table = notify.parse().expect("TOML");
        set(&mut plan.deployment, "notify", notify);
    })
}

#[test]
fn a_test_message_arrives_or_it_is_said_why_not() {
    let (mail, hook) = (MailServer::start(), Hook::start(204));
    let programs = start(&mail, &hook);
    let ended = run(&programs, &["notify", "test"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(
        ended
            .stdout
            .contains("bookkeeper: delivered to kim@example.com"),
        "{ended:#?}"
    );
    let mails = mail.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "MAIL FROM:<ledgerline@example.com>");
    assert_eq!(
        mails[0].to,
        ["RCPT TO:<kim@example.com>", "RCPT TO:<lee@example.com>"]
    );
    assert!(
        mails[0]
            .head
            .contains("Subject: Ledgerline: a test message"),
        "{mails:?}"
    );
    assert_eq!(
        *mail.logins.lock().unwrap(),
        [format!("\0ledgerline\0{PASSWORD}")]
    );
    let (head, body) = hook.calls().remove(0);
    assert!(head.starts_with("POST /hooks/7 HTTP/1.1"), "{head}");
    let signed = head
        .lines()
        .find_map(|it| it.strip_prefix("ledgerline-signature: t="))
        .expect("a signature");
    let (seconds, hex) = signed.split_once(",v1=").expect("two parts");
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let wanted = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let wanted: String = wanted
        .as_ref()
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    assert_eq!(hex, wanted);
    let age = jiff::Timestamp::now().as_second() - seconds.parse::<i64>().expect("seconds");
    assert!((0..60).contains(&age), "{age}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["test"], true);

    // A redirect is no success, and is not followed.
    for status in [302, 500] {
        hook.status.store(status, Ordering::SeqCst);
        let before = hook.calls().len();
        let ended = run(&programs, &["notify", "test", "chat", "--json"]);
        assert_eq!(ended.code, Some(3), "{ended:#?}");
        assert_eq!(ended.json()[0]["error"], format!("it answered {status}"));
        assert_eq!(hook.calls().len(), before + 1);
    }
    let ended = run(&programs, &["notify", "test", "caht"]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.stderr.contains("did you mean `chat`"), "{ended:#?}");
}

#[test]
fn what_needs_a_person_is_told_once() {
    let (mail, hook) = (MailServer::start(), Hook::start(500));
    let programs = start(&mail, &hook);
    let ended = run(&programs, &["sync", "--confirm", "--json"]);
    assert!(matches!(ended.code, Some(0 | 4)), "{ended:#?}");
    let status = run(&programs, &["status", "--json"]).json();
    let groups: Vec<&Value> = status["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .filter(|it| it["group"]["state"] == "waiting" || it["group"]["state"] == "warning")
        .collect();
    assert!(!groups.is_empty(), "{status:#}");
    let mails = mail.mails();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    let text = &mails[0].text;
    for it in &groups {
        let group = &it["group"];
        let count = group["tally"]["count"].as_u64().expect("a count");
        let state = group["state"].as_str().expect("a state");
        assert!(
            text.contains(&format!("{count} {state}: ")),
            "{group:#}: {text}"
        );
        let next = it["next"].as_str().expect("a command");
        assert!(text.contains(&format!("Next:   {next}")), "{next}: {text}");
    }
    assert!(
        text.contains("https://books.example.com/pages/list?route=omni-credit-notes"),
        "{text}"
    );
    assert!(text.contains("AUD "), "{text}");
    for no in [PASSWORD, KEY, "lineItems", "demo-omni-key"] {
        assert!(!text.contains(no), "{no}: {text}");
    }

    // The webhook did not take it, which is shown, and tried again after a pause.
    let chat = told(&programs, "chat");
    assert_eq!(chat["undelivered"], "it answered 500", "{chat:#}");
    assert_eq!(hook.calls().len(), 1);
    let shown = run(&programs, &["status"]).stdout;
    assert!(shown.contains("not delivered since"), "{shown}");
    assert!(!shown.contains("/hooks/7"), "{shown}");

    // Nothing new: silence, also towards the one that failed a moment ago.
    let ended = run(&programs, &["sync", "--json"]);
    assert!(matches!(ended.code, Some(0 | 4)), "{ended:#?}");
    assert_eq!((mail.mails().len(), hook.calls().len()), (1, 1));
    assert_eq!(told(&programs, "bookkeeper")["undelivered"], Value::Null);

    // Something new is told, and only that; once more when it comes back after it was gone.
    let broken = json!([{
        "match": { "method": "GET", "path": "/api/v1/CreditNotes" },
        "times": 10_000, "fault": "status:403",
    }]);
    for mails in [2, 3] {
        programs.tell("/_sandbox/faults", &broken);
        for _ in 0..2 {
            let ended = run(&programs, &["sync", "--json"]);
            assert_eq!(ended.code, Some(5), "{ended:#?}");
        }
        let all = mail.mails();
        assert_eq!(all.len(), mails, "{all:#?}");
        let text = &all[mails - 1].text;
        assert!(
            text.starts_with("Ledgerline: 1 thing needs a person\n"),
            "{text}"
        );
        assert!(text.contains("omni-au is parked: "), "{text}");
        programs.tell("/_sandbox/faults", &json!([]));
        let ended = run(&programs, &["sync", "--json"]);
        assert!(matches!(ended.code, Some(0 | 4)), "{ended:#?}");
    }
    assert_eq!(mail.mails().len(), 3);
    assert_eq!(programs.books().faults(), Vec::<String>::new());
}

/// A receiver that never answers holds up neither runs nor commands.
#[test]
fn nobody_waits_for_a_message() {
    let hook = Hook::start(0);
    let programs = Programs::start(NOTES, |plan| {
        let text = format!(
            "[chat]\nurl = \"http://127.0.0.1:{}/\"\nevery = \"0s\"",
            hook.port
        );
        let notify: toml::Table = text.parse().expect("TOML");
        set(&mut plan.deployment, "notify", notify);
        for route in plan.routes.values_mut() {
            set(route, "trigger", "manual");
        }
    });
    let running = Running::start(&programs);
    let began = Instant::now();
    let synced = programs.run(["sync", "--confirm", "--json"]);
    assert!(matches!(synced.code, Some(0 | 4)), "{synced:#?}");
    while hook.calls().is_empty() {
        assert!(began.elapsed() < PATIENCE, "nobody was told");
        std::thread::sleep(Duration::from_millis(50));
    }
    // The call hangs now, and still does when the run is over.
    let again = programs.run(["sync", "--json"]);
    assert!(matches!(again.code, Some(0 | 4)), "{again:#?}");
    assert!(hook.hangs(), "the run came back when the call was given up");
    running.signal("-TERM");
    assert_eq!(running.end().code, Some(0));
}
