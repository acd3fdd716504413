//! The remote cache: whether it can be used, what it can do, how fast it is, whether it takes what is made here, and whether
//! its clock agrees with this one.

use std::time::Duration;

use engine::size;
use remote::{Client, Examined, Fault, Kind};
use store::DigestFunction;

use super::Finding;
use crate::session::Session;

/// A cache that takes longer to answer makes steps wait that take little time themselves.
const SLOW: Duration = Duration::from_millis(100);

/// Bytes a second that make some steps faster to run than to bring.
const NARROW: u64 = 5_000_000;

/// Certificates and tokens tolerate a clock that is wrong by less.
const MOST_SECONDS: u64 = 60;

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    let Some(address) = session.config.remote.cache.as_ref() else {
        let advice = "`cache` in `[remote]` names one; see docs/remote.md";
        return vec![Finding::warning("no remote cache is configured", advice)];
    };
    if session.offline {
        return vec![Finding::ok(format!("`{address}` is not asked, since this run is offline"))];
    }
    let mut notices = Vec::new();
    // How content is named there decides where it is looked for.
    let asked = crate::remote::client(session, DigestFunction::default(), &mut notices);
    let function =
        asked.map(|client| client.abilities().map(|abilities| abilities.functions.first().copied()));
    let client = match function {
        Some(Ok(Some(function))) => crate::remote::client(session, function, &mut notices),
        Some(Ok(None)) => {
            let what = format!("`{address}` names content neither by `blake3` nor by `sha256`");
            return vec![Finding::error(what, "a server that knows SHA-256 can be used, as nearly all do")];
        }
        Some(Err(fault)) => return vec![failed(&address.to_string(), &fault)],
        None => None,
    };
    let Some(client) = client else {
        let said = notices.into_iter().map(|notice| {
            Finding::error(notice.message, "see what `[remote]` says and the files that it names")
        });
        return said.collect();
    };
    match client.examine(session.config.remote.write) {
        Ok(examined) => found(session, &client, &examined),
        Err(fault) => vec![failed(&address.to_string(), &fault)],
    }
}

/// What keeps a cache from being used, and what to change.
fn failed(address: &str, fault: &Fault) -> Finding {
    let advice = match fault.kind {
        Kind::Unauthenticated => {
            "see what is shown to it: `token_env`, `token_file`, `credential_helper` and `[remote.headers]`; for a bucket \
             `AWS_ACCESS_KEY_ID` or `AWS_PROFILE`, and the clock of this machine"
        }
        Kind::Denied => "whoever asks needs the right to read and to list there",
        Kind::Missing => "see `cache` and `instance` in `[remote]`: nothing is there by these names",
        Kind::Unreachable | Kind::Silent | Kind::Off => {
            "see that the address is right, that the server runs, and that no firewall or proxy is between; `ca_certs` names \
             certificates of your own"
        }
        Kind::Busy | Kind::Broken => "see the log of the server",
        Kind::Refused | Kind::Corrupt => {
            "see that the address is of such a cache, and no other program answers there"
        }
    };
    Finding::error(format!("`{address}` cannot be used: {}", fault.message), advice)
}

fn found(session: &Session<'_>, client: &Client, examined: &Examined) -> Vec<Finding> {
    let said = &session.config.remote;
    let address = said.cache.as_ref().map(ToString::to_string).unwrap_or_default();
    let kind = said.cache.as_ref().map_or("", remote::Address::kind);
    let abilities = &examined.abilities;
    let mut findings = Vec::new();
    let versions = match abilities.versions.as_str() {
        "" => String::new(),
        versions => {
            let batch = size::show(abilities.batch as u64);
            let compression = if abilities.zstd { ", Zstandard" } else { "" };
            format!(", versions {versions}, messages of up to {batch}{compression}")
        }
    };
    let what = format!("`{address}` is {kind}{versions}");
    findings.push(match abilities.speaks {
        true => Finding::ok(what),
        false => Finding::error(what, "none of the versions is spoken by `pants`: use a newer server"),
    });
    findings.push(Finding::ok(format!("content is named by `{}` there", client.function().name())));
    findings.push(match (abilities.executes, said.workers.all) {
        (true, _) => Finding::ok("it runs programs"),
        (false, false) => Finding::ok("it runs no programs"),
        (false, true) => {
            let advice = "`exec = false` in `[remote]`, or name a server with workers";
            Finding::warning("it runs no programs, and `exec` asks for that", advice)
        }
    });
    let what = format!("it answers in {:.1} ms", examined.round_trip.as_secs_f64() * 1000.0);
    findings.push(match examined.round_trip > SLOW {
        true => Finding::warning(what, "a cache that is nearer makes builds of many small steps faster"),
        false => Finding::ok(what),
    });
    findings.extend(permission(said.write, examined));
    findings.extend(clock(examined.ahead));
    findings
}

/// Whether it takes what is made here, and how fast.
fn permission(writes: bool, examined: &Examined) -> Vec<Finding> {
    if !writes {
        return vec![Finding::ok("it is only read from, as `write = false` says; nothing was written to it")];
    }
    if let Some(fault) = &examined.refused {
        let what = format!("it could not be written to and read from: {}", fault.message);
        let advice = match fault.kind {
            Kind::Denied | Kind::Unauthenticated => {
                "`write = false` in `[remote]` says that this is meant; else whoever asks needs the right to write there"
            }
            _ => "see the log of the server, and the space on its disk",
        };
        return vec![Finding::warning(what, advice)];
    }
    let mut findings = Vec::new();
    if !examined.abilities.updates {
        let advice =
            "`write = false` in `[remote]` says that this is meant; else have the server allow updates";
        findings.push(Finding::warning("it takes no outcomes of steps", advice));
    }
    if let Some((up, down)) = examined.throughput {
        let what = format!("it takes {} a second and gives {}", size::show(up), size::show(down));
        findings.push(match up.min(down) < NARROW {
            true => Finding::warning(what, "a cache that is nearer, or `read`/`write` only where it helps"),
            false => Finding::ok(what),
        });
    }
    findings
}

fn clock(ahead: Option<i64>) -> Option<Finding> {
    let ahead = ahead?;
    if ahead.unsigned_abs() <= MOST_SECONDS {
        return Some(Finding::ok("its clock agrees with that of this machine"));
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let what = format!("its clock is {} s {side} that of this machine", ahead.unsigned_abs());
    let advice =
        "set the one that is wrong by a time server: certificates, tokens and signatures are judged by it";
    Some(Finding::warning(what, advice))
}
