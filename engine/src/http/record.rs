//! Recording: every call of a connection as the connector saw it, for replay.
//!
//! The format is the test kit's. What a call became after all its tries is recorded, because that
//! is what a connector is given; token endpoints are never seen here. The file is a complete
//! recording after every call: each one overwrites the closing brackets and writes them again. The
//! first call replaces what an earlier process recorded: a command that makes no call keeps it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ledgerline_plugin_api::{
    abi::Status,
    recording::{Body, Exchange, RecordedFailure, RecordedRequest, RecordedResponse, VERSION},
};

use super::{
    call::{Call, CallError, Outcome},
    secrets::Scrubber,
};

/// Answer headers that are recorded beside those that the manifest names.
const KEPT_HEADERS: [&str; 8] = [
    "content-type",
    "content-disposition",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
];

const END: &str = "\n  ]\n}\n";

/// Writes one recording.
pub(super) struct Recorder {
    path: PathBuf,
    scrubber: Scrubber,
    /// Lower case.
    headers: Vec<String>,
    file: Mutex<Writer>,
}

struct Writer {
    file: File,
    /// Where the closing brackets begin.
    end: u64,
    /// The file may hold an earlier recording.
    first: bool,
}

impl Recorder {
    /// Opens the file of a recording; one that is there is replaced with the first call. The file holds
    /// business documents, so only its owner may read it.
    pub(super) fn create(
        path: &Path,
        scrubber: &Scrubber,
        headers: impl IntoIterator<Item = String>,
    ) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut writer = Writer {
            file: options.open(path)?,
            end: 0,
            first: true,
        };
        if writer.file.metadata()?.len() == 0 {
            writer.begin()?;
        }
        let mut kept: Vec<String> = headers
            .into_iter()
            .map(|it| it.to_ascii_lowercase())
            .collect();
        kept.extend(KEPT_HEADERS.map(str::to_owned));
        Ok(Self {
            path: path.to_owned(),
            scrubber: scrubber.clone(),
            headers: kept,
            file: Mutex::new(writer),
        })
    }

    /// Adds a call. A disk that is full costs the recording, not the work.
    pub(super) fn add(&self, call: &Call, outcome: &Outcome) {
        let written = serde_json::to_string_pretty(&self.exchange(call, outcome))
            .map_err(io::Error::from)
            .and_then(|text| {
                self.file
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .add(&text)
            });
        if let Err(error) = written {
            tracing::warn!(path = %self.path.display(), %error, "call was not recorded");
        }
    }

    fn exchange(&self, call: &Call, outcome: &Outcome) -> Exchange {
        let request = RecordedRequest {
            method: call.method.clone(),
            url: self.scrubber.scrub(&call.url).into_owned(),
            auth: call.auth.clone(),
            body: Body::new(&self.scrubber.scrub_bytes(&call.body)),
        };
        let (response, failure) = match outcome {
            Outcome::Answer(answer) => {
                let headers: BTreeMap<_, _> = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| self.headers.iter().any(|kept| kept == name))
                    .map(|(name, value)| (name.clone(), self.scrubber.scrub(value).into_owned()))
                    .collect();
                let body = Body::new(&self.scrubber.scrub_bytes(&answer.body));
                (
                    Some(RecordedResponse {
                        status: answer.status,
                        headers,
                        body,
                    }),
                    None,
                )
            }
            Outcome::NotSent(error) | Outcome::Lost(error) => {
                let message = self.scrubber.scrub(&error.to_string()).into_owned();
                (
                    None,
                    Some(RecordedFailure {
                        status: status(error).0,
                        message,
                    }),
                )
            }
        };
        Exchange {
            request,
            response,
            failure,
        }
    }
}

impl Writer {
    /// A recording without a call.
    fn begin(&mut self) -> io::Result<()> {
        let head = format!("{{\n  \"version\": {VERSION},\n  \"exchanges\": [");
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(head.as_bytes())?;
        self.file.write_all(END.as_bytes())?;
        self.end = head.len() as u64;
        Ok(())
    }

    fn add(&mut self, text: &str) -> io::Result<()> {
        if self.first {
            self.begin()?;
        }
        let mut chunk = String::with_capacity(text.len() + 16);
        chunk.push_str(if self.first { "\n" } else { ",\n" });
        chunk.push_str(text);
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(chunk.as_bytes())?;
        self.file.write_all(END.as_bytes())?;
        self.end += chunk.len() as u64;
        self.first = false;
        Ok(())
    }
}

/// The status that a connector is given for a call without an answer.
fn status(error: &CallError) -> Status {
    match error {
        CallError::HostNotAllowed { .. } | CallError::Malformed { .. } => Status::BUG,
        CallError::Credentials { .. } => Status::AUTH,
        CallError::Parked { .. } => Status::RATE_LIMITED,
        CallError::Transport { .. } => Status::UNAVAILABLE,
        CallError::DryRun => Status::UNSUPPORTED,
        CallError::Cancelled => Status::CANCELLED,
    }
}
