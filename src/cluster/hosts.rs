//! The hosts file: which process listens where.

use std::{collections::BTreeMap, io::Read, path::Path};

use super::error::ClusterError;
use crate::error::Result;

/// Most bytes of a hosts file; a file that is longer is something else.
const MAX_BYTES: u64 = 64 * 1024;

/// Most processes of a cluster.
const MAX_PROCESSES: usize = 1024;

/// Reads a hosts file and returns its addresses, `host:port`, in the order of the processes.
///
/// Blank lines count for nothing, and neither does what follows a `#`.
///
/// # Errors
///
/// The file cannot be read, names no host, one twice, or something that is no `host:port`.
pub fn read(path: &Path) -> Result<Vec<String>> {
    let mut text = Vec::new();
    fs_err::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    let error =
        |line, what: String| ClusterError::Hosts { path: path.to_owned(), line, what }.into();
    if MAX_BYTES < text.len() as u64 {
        return Err(error(0, format!("more than {MAX_BYTES} bytes: is it a hosts file?")));
    }
    match String::from_utf8(text) {
        Ok(text) => parse(&text).map_err(|(line, what)| error(line, what)),
        Err(_) => Err(error(0, "not UTF-8".to_owned())),
    }
}

/// Returns the addresses, or a line's number and what is wrong with it.
fn parse(text: &str) -> std::result::Result<Vec<String>, (usize, String)> {
    let mut hosts = Vec::new();
    let mut lines = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let host = line.split('#').next().unwrap_or_default().trim();
        if host.is_empty() {
            continue;
        }
        check(host).map_err(|what| (number, what))?;
        if let Some(first) = lines.insert(host.to_lowercase(), number) {
            return Err((number, format!("`{host}` is on line {first} already")));
        }
        hosts.push(host.to_owned());
    }
    match hosts.len() {
        0 => Err((0, "it names no host".to_owned())),
        n if MAX_PROCESSES < n => Err((0, format!("{n} hosts, but {MAX_PROCESSES} are the most"))),
        _ => Ok(hosts),
    }
}

/// Checks the form of an address; whether there is such a host shows when it is called.
fn check(host: &str) -> std::result::Result<(), String> {
    let is_known = |it: char| it.is_ascii_alphanumeric() || ".-_:[]%".contains(it);
    if !host.chars().all(is_known) {
        return Err(format!("`{}` is no `host:port`", host.escape_debug()));
    }
    let Some((name, port)) = host.rsplit_once(':') else {
        return Err(format!("`{host}` has no port: write `{host}:7700`"));
    };
    if !port.parse().is_ok_and(|port: u16| port != 0) {
        return Err(format!("`{port}` is no port: it is a number from 1 to 65535"));
    }
    let bracketed = name.starts_with('[') && name.ends_with(']');
    if name.is_empty() || (name.contains([':', '[', ']']) && !bracketed) {
        return Err(format!("`{name}` is no host; an IPv6 address is written `[::1]:{port}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_count_for_nothing() {
        let text = "# ours\n\n node-0:7700\r\nnode-1:7700 # the big one\n[::1]:7700";
        assert_eq!(parse(text).unwrap(), ["node-0:7700", "node-1:7700", "[::1]:7700"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, line: usize, part: &str| {
            let (found, what) = parse(text).unwrap_err();
            assert_eq!(found, line, "{text}: {what}");
            assert!(what.contains(part), "{text}: {what}");
        };
        check("", 0, "no host");
        check("# a:1\n", 0, "no host");
        check("a:1\nb", 2, "`b` has no port: write `b:7700`");
        check("a:0", 1, "`0` is no port");
        check("a:70000", 1, "`70000` is no port");
        check("ช้าง:1", 1, "no `host:port`");
        check("a b:1", 1, "no `host:port`");
        check("\u{1b}[2J:1", 1, "\\u{1b}");
        check(":7700", 1, "no host");
        check("::1:7700", 1, "`[::1]:7700`");
        check("a:1\n\nb:1\nA:1", 4, "`A:1` is on line 1 already");
        check(&(1..=1025).map(|it| format!("a:{it}\n")).collect::<String>(), 0, "1025 hosts");
    }

    #[test]
    fn a_file_that_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        assert!(read(&path).unwrap_err().to_string().contains("hosts"));
        fs_err::write(&path, [0xff]).unwrap();
        assert!(read(&path).unwrap_err().to_string().ends_with("not UTF-8"));
        fs_err::write(&path, vec![b'\n'; 65_537]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("more than 65536 bytes"));
        fs_err::write(&path, "a:1\na:1").unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.to_string().ends_with("hosts`, line 2: `a:1` is on line 1 already"));
        assert_eq!(error.exit_code(), 1);
        assert!(error.hint().is_some());
    }
}
