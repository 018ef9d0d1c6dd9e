//! One step in, one answer out; and what all steps stand on.

use ledgerline_plugin_api::{abi::Status, manifest::Account};
use serde::de::DeserializeOwned;

use super::{
    accounts, consent,
    pin::PinError,
    question::Question,
    request::{ConnectRequest, ConnectStep, Connecting},
    undo,
};
use crate::{
    http::{
        CallClass, CallError, Channel, ChannelSpec, Consent, NetworkError,
        secrets::{SecretError, Secrets},
    },
    pipeline::{Connected, Engine, account},
    plugins::{Cancel, Operation, SessionError},
    store::{StoreError, offload},
};

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub(in crate::operate) enum ConnectError {
    /// It makes no sense as things are.
    #[error("{0}")]
    Refused(String),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The network could not be set up.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The connector failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A secret could not be kept or read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pin could not be written.
    #[error("{0}")]
    Pin(String),
}

impl From<PinError> for ConnectError {
    fn from(why: PinError) -> Self {
        Self::Pin(why.to_string())
    }
}

pub(super) type Result<T, E = ConnectError> = std::result::Result<T, E>;

/// Does one step.
///
/// # Errors
///
/// What is wrong and what to do; what was durable stays so.
pub(in crate::operate) async fn connect(
    engine: &Engine,
    request: ConnectRequest,
) -> Result<Connecting> {
    let cx = Ground::of(engine, &request.connection)?;
    match request.step {
        ConnectStep::Begin { again } => consent::begin(&cx, again).await,
        ConnectStep::Redirected { address } => consent::redirected(&cx, &address).await,
        ConnectStep::Accounts => Ok(Connecting::Accounts(accounts::offered(&cx).await?)),
        ConnectStep::Pin { account } => accounts::pin(&cx, &account).await.map(Connecting::Pinned),
        ConnectStep::Undo => undo::undo(&cx).await.map(Connecting::Undone),
    }
}

/// The connection that a step is about.
pub(super) struct Ground<'a> {
    pub(super) engine: &'a Engine,
    pub(super) system: &'a Connected,
    pub(super) name: &'a str,
}

impl<'a> Ground<'a> {
    fn of(engine: &'a Engine, name: &str) -> Result<Self> {
        let held = engine.connected.get_key_value(name);
        let Some((name, system)) = held else {
            let known = engine.connected.keys().map(String::as_str);
            let near = crate::config::nearest(name, known.clone());
            return Err(ConnectError::Refused(match near {
                Some(it) => format!("no connection `{name}`; did you mean `{it}`?"),
                None => format!(
                    "no connection `{name}`; connections are {}",
                    known.collect::<Vec<_>>().join(", ")
                ),
            }));
        };
        Ok(Self {
            engine,
            system,
            name,
        })
    }

    pub(super) fn now(&self) -> i64 {
        self.engine.clock.now_ms()
    }

    fn spec(&self, pin: Option<&str>) -> ChannelSpec<'_> {
        let connection = &self.system.connection;
        let app = connection.app.as_ref();
        ChannelSpec {
            connection,
            app: app.and_then(|it| self.engine.deployment.apps.get(it)),
            manifest: self.system.plugin.manifest(),
            pin: pin.map(str::to_owned),
        }
    }

    /// What gets tokens for the connection's app.
    pub(super) fn consent(&self) -> Result<Consent> {
        self.engine
            .network
            .consent(self.spec(None))?
            .ok_or_else(|| {
                ConnectError::Refused(format!(
                    "connection `{}` needs no consent: its credentials are named in \
                     [connections.{}], and `ledgerline check` tries them",
                    self.name, self.name
                ))
            })
    }

    /// A way to one account that the connection need not be pinned to.
    pub(super) fn channel(&self, account: &str) -> Result<Channel> {
        Ok(self.engine.network.channel(self.spec(Some(account)))?)
    }

    /// The accounts that the credentials reach.
    pub(super) async fn discover(&self) -> Result<Vec<Account>> {
        let channel = self.engine.network.discovery(self.spec(None))?;
        match self.ask(Operation::Discover, None, channel).await {
            Err(why) if why.status == Status::UNSUPPORTED => {
                let channel = self.engine.network.discovery(self.spec(None))?;
                let report: ledgerline_plugin_api::manifest::CheckReport =
                    self.ask(Operation::Check, None, channel).await?;
                Ok(vec![report.account])
            }
            other => Ok(other?),
        }
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        op: Operation,
        account: Option<&str>,
        channel: Channel,
    ) -> std::result::Result<T, SessionError> {
        let session = self.system.session_on(account, op, "", &[])?;
        let class = CallClass::Interactive;
        account::value(self.engine, session, channel, class, Cancel::default()).await
    }

    pub(super) async fn question(&self) -> Result<Option<Question>> {
        let kept = self.secrets(|it, name| it.get(name)).await?;
        let question = kept.as_ref().and_then(Question::from_secret);
        question.iter().for_each(|it| self.learn(it));
        Ok(question)
    }

    /// Makes a question durable.
    pub(super) async fn keep(&self, question: &Question) -> Result<()> {
        self.learn(question);
        let text = question
            .to_secret()
            .map_err(|why| ConnectError::Refused(format!("the question cannot be kept: {why}")))?;
        self.secrets(move |it, name| it.put(name, &text)).await
    }

    /// Also of a question that an earlier process asked: what is told of it is told without them.
    fn learn(&self, question: &Question) {
        let (scrubber, owner) = (
            self.engine.network.secrets().scrubber(),
            Question::name(self.name),
        );
        let code = question.code.as_ref().map(|it| &it.code);
        for it in [&question.state, &question.verifier]
            .into_iter()
            .chain(code)
        {
            scrubber.learn_passing(&owner, it);
        }
    }

    pub(super) async fn forget_question(&self) -> Result<()> {
        self.secrets(Secrets::remove).await
    }

    async fn secrets<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Secrets, &str) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T> {
        let secrets = self.engine.network.secrets().clone();
        let name = Question::name(self.name);
        let done = tokio::task::spawn_blocking(move || work(&secrets, &name)).await;
        let broken = |why| ConnectError::Refused(format!("keeping a secret broke off: {why}"));
        Ok(done.map_err(broken)??)
    }

    pub(super) async fn note(&self, name: String) -> Result<Option<String>> {
        let store = &self.engine.store;
        Ok(offload::run(store, move |store| store.note(&name)).await?)
    }

    pub(super) async fn set_note(&self, name: String, value: Option<String>) -> Result<()> {
        let store = &self.engine.store;
        let set = move |store: &dyn crate::store::Store| store.set_note(&name, value.as_deref());
        Ok(offload::run(store, set).await?)
    }
}
