//! A provider, simulated: over a real socket, scripted, with a memory of what it gave out. It can rotate strictly and
//! revoke the family on reuse, allow a grace window, answer oddly, cut an answer in half, or process and say nothing.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// What the provider does with the next token request.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    /// Answers this status and body, and processes nothing.
    Answer(u16, &'static str, String),
    /// Processes, and closes without an answer.
    Reset,
    /// Processes, and sends half of the answer.
    Half,
    /// Processes, and answers late.
    Slow(Duration),
    /// Processes, says that it has, and answers when it is let.
    Hold(Arc<Semaphore>, Arc<Semaphore>),
}

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Reusable,
    /// Used again, the whole family is revoked.
    Strict,
    /// Used again, it gives a new one.
    Grace,
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) requests: Vec<Asked>,
    turns: VecDeque<Turn>,
    live: HashMap<String, u64>,
    spent: HashMap<String, u64>,
    dead_families: Vec<u64>,
    pub(crate) revoked: Vec<String>,
    challenges: HashMap<String, String>,
    issued: u64,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn member(&self, name: &str) -> Option<String> {
        member(&self.body, name)
    }
}

pub(crate) struct Simulated {
    pub(crate) origin: String,
    pub(crate) memory: Arc<Mutex<Memory>>,
    policy: Policy,
    /// Further members of each token answer, as JSON text: `"expires_in":3600`.
    pub(crate) members: Arc<Mutex<String>>,
    pub(crate) account: Arc<Mutex<String>>,
    /// What `/me` answers, instead of the account.
    pub(crate) me: Arc<Mutex<Option<String>>>,
    /// Its end is the end of the listener: thousands of providers must not run out of ports.
    _here: tokio::sync::watch::Sender<()>,
}

async fn accept(listener: TcpListener, simulated: Weak<Simulated>, mut gone: tokio::sync::watch::Receiver<()>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (Ok((stream, _)), Some(simulated)) = (accepted, simulated.upgrade()) else { return };
                tokio::spawn(simulated.serve(stream));
            }
            _ = gone.changed() => return,
        }
    }
}

impl Simulated {
    pub(crate) async fn new(policy: Policy) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (here, gone) = tokio::sync::watch::channel(());
        let simulated = Arc::new(Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            memory: Arc::default(),
            policy,
            members: Arc::new(Mutex::new(r#""expires_in":3600"#.to_owned())),
            account: Arc::new(Mutex::new("account-1".to_owned())),
            me: Arc::default(),
            _here: here,
        });
        tokio::spawn(accept(listener, Arc::downgrade(&simulated), gone));
        simulated
    }

    /// Its file for the catalogue.
    pub(crate) fn toml(&self, more: &str) -> String {
        let origin = &self.origin;
        let rotation = match self.policy {
            Policy::Reusable => "rotation = \"none\"",
            Policy::Strict => "rotation = \"strict\"",
            Policy::Grace => "rotation = \"grace\"\ngrace_seconds = 600",
        };
        format!(
            "title = \"Simulated\"\ndocs = \"https://example.com/docs\"\n[authorize]\nurl = \"{origin}/authorize\"\n\
             [token]\nurl = \"{origin}/token\"\n[refresh]\n{rotation}\n[revoke]\nurl = \"{origin}/revoke\"\n\
             [account]\nurl = \"{origin}/me\"\nid = \"/sub\"\nlabel = \"/email\"\n{more}"
        )
    }

    pub(crate) fn next(&self, turn: Turn) {
        self.memory.lock().unwrap().turns.push_back(turn);
    }

    /// A code is exchanged for the verifier of this challenge only, or for any if it is empty (RFC 7636 4.6).
    pub(crate) fn bind(&self, code: &str, challenge: String) {
        self.memory.lock().unwrap().challenges.insert(code.to_owned(), challenge);
    }

    /// Whatever it was told to do, it forgets.
    pub(crate) fn up_again(&self) {
        self.memory.lock().unwrap().turns.clear();
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.memory.lock().unwrap().requests.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Whether a refresh token is the last of a family that lives.
    pub(crate) fn living_families(&self) -> usize {
        self.memory.lock().unwrap().live.len()
    }

    pub(crate) fn families_revoked(&self) -> usize {
        self.memory.lock().unwrap().dead_families.len()
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        while let Some(asked) = read(&mut stream).await {
            let (status, kind, body, turn) = self.answer(&asked);
            match turn {
                Some(Turn::Reset) => return,
                Some(Turn::Slow(time)) => tokio::time::sleep(time).await,
                Some(Turn::Hold(ref arrived, ref let_go)) => {
                    arrived.add_permits(1);
                    let _ = let_go.acquire().await;
                }
                _ => {}
            }
            let length = body.len();
            let more = match status {
                429 | 503 => "retry-after: 120\r\n".to_owned(),
                301..=308 => format!("location: {}/elsewhere\r\n", self.origin),
                _ => String::new(),
            };
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{more}\r\n");
            let sent = if matches!(turn, Some(Turn::Half)) { &body[..length / 2] } else { &body };
            if stream.write_all(format!("{head}{sent}").as_bytes()).await.is_err() || sent.len() < length {
                return;
            }
        }
    }

    fn answer(&self, asked: &Asked) -> (u16, &'static str, String, Option<Turn>) {
        let mut memory = self.memory.lock().unwrap();
        memory.requests.push(asked.clone());
        match asked.path.as_str() {
            "/token" | "/refresh" => {
                let turn = memory.turns.pop_front();
                if let Some(Turn::Answer(status, kind, body)) = turn {
                    return (status, kind, body, None);
                }
                let (status, body) = self.token(&mut memory, &asked.body);
                (status, "application/json", body, turn)
            }
            "/me" => {
                if let Some(me) = &*self.me.lock().unwrap() {
                    return (200, "application/json", me.clone(), None);
                }
                let account = self.account.lock().unwrap();
                (200, "application/json", format!(r#"{{"sub":"{account}","email":"{account}@example.com"}}"#), None)
            }
            "/.well-known/openid-configuration" => {
                let body = format!(
                    r#"{{"issuer":"{0}","authorization_endpoint":"{0}/authorize","token_endpoint":"{0}/token"}}"#,
                    self.origin
                );
                (200, "application/json", body, None)
            }
            "/elsewhere" => {
                (200, "application/json", r#"{"access_token":"stolen","token_type":"Bearer"}"#.to_owned(), None)
            }
            "/device" => {
                let code = format!("dc-{}", crate::support::CANARY);
                let body = format!(
                    r#"{{"device_code":"{code}","user_code":"WDJB-MJHT","verification_uri":"{0}/type","verification_url_complete":"{0}/type?c=1","expires_in":900,"interval":5}}"#,
                    self.origin
                );
                (200, "application/json", body, None)
            }
            "/probe" => match memory.turns.pop_front() {
                Some(Turn::Answer(status, kind, body)) => (status, kind, body, None),
                turn => (200, "application/json", "{}".to_owned(), turn),
            },
            "/revoke" => {
                let turn = memory.turns.pop_front();
                if let Some(Turn::Answer(status, kind, body)) = turn {
                    return (status, kind, body, None);
                }
                let token = member(&asked.body, "token").or_else(|| asked.authorization.clone()).unwrap_or_default();
                memory.live.remove(&token);
                memory.revoked.push(token);
                (200, "application/json", "{}".to_owned(), None)
            }
            _ => (404, "text/plain", String::new(), None),
        }
    }

    fn token(&self, memory: &mut Memory, body: &str) -> (u16, String) {
        let refused = |code: &str| (400, format!(r#"{{"error":"{code}"}}"#));
        let family = match member(body, "grant_type").as_deref() {
            Some("urn:ietf:params:oauth:grant-type:device_code") if member(body, "device_code").is_some() => {
                memory.issued += 1;
                memory.issued
            }
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer") if member(body, "assertion").is_some() => {
                memory.issued += 1;
                let (number, canary) = (memory.issued, crate::support::CANARY);
                return (200, format!(r#"{{"access_token":"sa-{number}-{canary}","expires_in":3600}}"#));
            }
            Some("authorization_code") if member(body, "code").is_some() => {
                let code = member(body, "code").unwrap_or_default();
                let verifier = member(body, "code_verifier").unwrap_or_default();
                let made = data_encoding::BASE64URL_NOPAD.encode(&strongroom::sha256(verifier.as_bytes()));
                if memory.challenges.get(&code).is_some_and(|bound| !bound.is_empty() && *bound != made) {
                    return refused("invalid_grant");
                }
                memory.issued += 1;
                memory.issued
            }
            Some("client_credentials") => {
                memory.issued += 1;
                let (number, canary) = (memory.issued, crate::support::CANARY);
                return (200, format!(r#"{{"access_token":"cc-{number}-{canary}","expires_in":3600}}"#));
            }
            Some("refresh_token") => {
                let token = member(body, "refresh_token").unwrap_or_default();
                if let Some(&family) = memory.live.get(&token) {
                    if self.policy != Policy::Reusable {
                        memory.live.remove(&token);
                        memory.spent.insert(token, family);
                    }
                    family
                } else if let Some(&family) = memory.spent.get(&token) {
                    if self.policy == Policy::Strict {
                        memory.live.retain(|_, of| *of != family);
                        memory.dead_families.push(family);
                        return refused("invalid_grant");
                    }
                    family
                } else {
                    return refused("invalid_grant");
                }
            }
            _ => return refused("unsupported_grant_type"),
        };
        memory.issued += 1;
        let number = memory.issued;
        let mut answer = format!(r#"{{"access_token":"at-{number}-{}","token_type":"Bearer""#, crate::support::CANARY);
        let first = member(body, "grant_type").as_deref() != Some("refresh_token");
        if first || self.policy != Policy::Reusable {
            let token = format!("rt-{number}-{}", crate::support::CANARY);
            let _ = write!(answer, r#","refresh_token":"{token}""#);
            memory.live.insert(token, family);
        }
        let members = self.members.lock().unwrap();
        let comma = if members.is_empty() { "" } else { "," };
        let _ = write!(answer, "{comma}{members}}}");
        (200, answer)
    }
}

fn member(body: &str, name: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(body) {
        return json.get(name)?.as_str().map(str::to_owned);
    }
    url::form_urlencoded::parse(body.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes.get(..head)?.to_vec()).ok()?;
    let header = |name: &str| {
        text.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = text.split(' ').nth(1)?.split('?').next()?.to_owned();
    let body = String::from_utf8(bytes.get(head + 4..)?.to_vec()).ok()?;
    Some(Asked { path, authorization: header("authorization"), body })
}
