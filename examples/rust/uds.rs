//! Prints a user's record in UDS, with a token from ucssod.
//!
//! ```sh
//! cargo run --example uds [CLUSTER]
//! ```
//!
//! `UCSSO_SOCKET`: the broker's socket; default `unix://$XDG_RUNTIME_DIR/ucsso/broker.sock`.
//! `UDS_URL`: where UDS is asked; default the node that confirmed the token.
//! `UDS_CA`: a PEM file with the certificate authority of that node.

use std::{env, error::Error, fs};

use reqwest::Certificate;
use rustls::crypto::aws_lc_rs;
use ucsso::{
    paths,
    rpc::{client::Client, proto::GetTokenRequest},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = env::args().nth(1).unwrap_or_else(|| "hq".to_owned());
    let broker = Client::connect(&paths::socket(paths::process_environment)?).await?;
    let request = GetTokenRequest { cluster, ..GetTokenRequest::default() };
    let token = match broker.broker().get_token(request).await {
        Ok(answer) => answer.into_inner().token.unwrap_or_default(),
        Err(status) => {
            return Err(format!("no token: {:?}: {}", status.code(), status.message()).into());
        }
    };

    aws_lc_rs::default_provider().install_default().map_err(|_| "there is a provider already")?;
    let mut client = reqwest::Client::builder().https_only(true);
    if let Ok(file) = env::var("UDS_CA") {
        client = client.tls_certs_merge([Certificate::from_pem(&fs::read(file)?)?]);
    }
    let base = env::var("UDS_URL").unwrap_or_else(|_| format!("https://{}", token.node));
    let mut url = url::Url::parse(&base)?;
    url.path_segments_mut().map_err(|()| "UDS_URL has no path")?.extend([
        "cucm-uds",
        "user",
        &token.user,
    ]);
    let answer = client.build()?.get(url).bearer_auth(&token.access_token).send().await?;
    print(&answer.error_for_status()?.text().await?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn print(record: &str) {
    println!("{record}");
}
