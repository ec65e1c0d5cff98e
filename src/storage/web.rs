//! The pages by which web servers list a folder: Wikimedia's, Apache's, nginx's.

use std::collections::BTreeSet;

use memchr::memmem;

/// Returns the names of the files in the folder that its page has links to, in order.
///
/// `folder` is the path of the folder on its host, without slashes around it. Only names of letters,
/// digits, `_`, `-` and `.` are returned: no dump file has another, and no escape has to be resolved.
pub(super) fn linked_names(page: &[u8], host: &str, folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let lower = page.to_ascii_lowercase();
    for at in memmem::find_iter(&lower, b"href") {
        let value = page.get(at + "href".len()..).and_then(attribute_value);
        let link = value.and_then(|value| std::str::from_utf8(value).ok());
        names.extend(link.and_then(|link| name_in_folder(link, host, folder)).map(str::to_owned));
    }
    names
}

/// Returns the value of an attribute from what follows its name.
fn attribute_value(rest: &[u8]) -> Option<&[u8]> {
    let value = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    match value {
        [quote @ (b'"' | b'\''), value @ ..] => {
            memchr::memchr(*quote, value).and_then(|end| value.get(..end))
        }
        _ => value.split(|byte| byte.is_ascii_whitespace() || *byte == b'>').next(),
    }
}

/// Returns the file's name if a link leads to a file of the folder.
fn name_in_folder<'a>(link: &'a str, host: &str, folder: &str) -> Option<&'a str> {
    let link = link.trim();
    let on_host = match link.split_once("//") {
        Some(("" | "http:" | "https:", rest)) => {
            let (other, path) = rest.split_once('/')?;
            if !other.eq_ignore_ascii_case(host) {
                return None;
            }
            Some(path)
        }
        _ => link.strip_prefix('/'),
    };
    let name = match on_host {
        Some(path) if folder.is_empty() => path,
        Some(path) => path.strip_prefix(folder)?.strip_prefix('/')?,
        None => link.strip_prefix("./").unwrap_or(link),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (!name.is_empty() && name.bytes().all(plain) && name != "." && name != "..").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::linked_names;

    fn check(page: &str, expected: &[&str]) {
        let names = linked_names(page.as_bytes(), "dumps.example", "enwiki/20240720");
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{page}");
    }

    #[test]
    fn a_page_as_nginx_and_apache_write_it() {
        check(
            "<h1>Index of /enwiki/20240720/</h1><pre><a href=\"../\">../</a>\n\
             <a href=\"enwiki-20240720-page.sql.gz\">enwiki-20240720-page.sql.gz</a>  1\n\
             <a href=\"?C=N;O=D\">Name</a> <a href=\"sub/\">sub/</a>\
             <A HREF = './md5sums.txt'>x</A><a href = ./sha1sums.txt>",
            &["enwiki-20240720-page.sql.gz", "md5sums.txt", "sha1sums.txt"],
        );
    }

    #[test]
    fn a_page_as_wikimedia_writes_it() {
        check(
            "<li class='file'><a href=\"/enwiki/20240720/a.sql.gz\">a</a> 1 GB</li>\
             <a href=\"https://dumps.example/enwiki/20240720/b.sql.gz\">b</a>\
             <a href=\"//dumps.example/enwiki/20240720/c.sql.gz\">c</a>\
             <a href=\"/enwiki/20240701/d.sql.gz\">d</a><a href=\"/enwiki/20240720\">e</a>\
             <a href=\"https://other.example/enwiki/20240720/f.sql.gz\">f</a>\
             <a href=\"/enwiki/20240720/../g\">g</a><a href=\"a%2fb\">h</a>",
            &["a.sql.gz", "b.sql.gz", "c.sql.gz"],
        );
    }

    #[test]
    fn damaged_pages() {
        for page in ["", "href", "href=", "href=\"", "href=\"a", "<a href='x", "hrefhref= >"] {
            check(page, &[]);
        }
    }
}
