//! The HTTP server of Strongroom: turns requests into the verbs of [`strongroom::Vault`]. The outermost layer
//! (`request.rs`) does what every request needs; `api/` has one file a noun; `docs/openapi.json` describes it all.

mod api;
mod app;
pub mod config;
mod console;
#[cfg(feature = "console")]
mod demo;
mod extract;
mod limits;
mod metrics;
pub mod openapi;
mod origin;
mod page;
mod principal;
mod problem;
mod request;
mod serve;
#[cfg(feature = "console")]
mod web;

pub use app::App;
pub use config::Config;
#[cfg(feature = "console")]
pub use demo::Demo;
pub use request::Gateway;
pub use serve::{Bound, service};
