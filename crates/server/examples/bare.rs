//! Baseline of the benchmarks: an axum server on the same kind of listener. It answers every GET with a fixed body.

use std::net::TcpListener;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(body)) = (arguments.next(), arguments.next()) else {
        eprintln!(
            "Usage: bare ADDRESS BODY\n\nExample:\n  cargo run --release --example bare -- 127.0.0.1:9900 '{{}}'"
        );
        std::process::exit(2);
    };
    let answer = || async move { ([(CONTENT_TYPE, "application/json")], body) };
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let router = Router::new().route("/{*path}", get(answer));
    axum_server::from_tcp(listener)?.serve(router.into_make_service()).await
}
