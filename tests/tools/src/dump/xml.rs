//! The text of an XML export, version 0.11: head with siteinfo, pages, foot.

use crate::dump::{
    page::{Contributor, Page},
    sha1,
    site::Site,
};

/// The end of an export.
pub const FOOT: &str = "</mediawiki>\n";

/// Returns the start of an export, up to the end of siteinfo.
pub fn head(site: &Site) -> String {
    let mut text = format!(
        "<mediawiki xmlns=\"http://www.mediawiki.org/xml/export-0.11/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"http://www.mediawiki.org/xml/export-0.11/ \
         http://www.mediawiki.org/xml/export-0.11.xsd\" version=\"0.11\" xml:lang=\"{}\">\n  <siteinfo>\n",
        escaped(&site.lang)
    );
    for (name, value) in [
        ("sitename", site.sitename.as_str()),
        ("dbname", &site.wiki),
        ("base", &site.base),
        ("generator", &site.generator),
        ("case", "first-letter"),
    ] {
        push_element(&mut text, "    ", name, value);
    }
    text.push_str("    <namespaces>\n");
    for namespace in &site.namespaces {
        // Wiktionaries aside, only gadget definitions are case-sensitive.
        let case =
            if matches!(namespace.key, 2302 | 2303) { "case-sensitive" } else { "first-letter" };
        text.push_str(&format!("      <namespace key=\"{}\" case=\"{case}\"", namespace.key));
        if namespace.name.is_empty() {
            text.push_str(" />\n");
        } else {
            text.push_str(&format!(">{}</namespace>\n", escaped(&namespace.name)));
        }
    }
    text.push_str("    </namespaces>\n  </siteinfo>\n");
    text
}

/// Appends a page.
pub fn push_page(text: &mut String, site: &Site, page: &Page) {
    text.push_str("  <page>\n");
    push_element(text, "    ", "title", &site.full_title(page.namespace, &page.title));
    push_element(text, "    ", "ns", &page.namespace.to_string());
    push_element(text, "    ", "id", &page.id.to_string());
    if let Some(target) = &page.redirect {
        let mut title = site.full_title(target.namespace, &target.title);
        if !target.interwiki.is_empty() {
            title = format!("{}:{title}", target.interwiki);
        }
        text.push_str(&format!("    <redirect title=\"{}\" />\n", escaped(&title)));
    }
    text.push_str("    <revision>\n");
    push_element(text, "      ", "id", &page.revision.to_string());
    if let Some(parent) = page.parent {
        push_element(text, "      ", "parentid", &parent.to_string());
    }
    push_element(text, "      ", "timestamp", &page.timestamp);
    match &page.contributor {
        Contributor::Deleted => text.push_str("      <contributor deleted=\"deleted\" />\n"),
        Contributor::Address(address) => {
            text.push_str("      <contributor>\n");
            push_element(text, "        ", "ip", address);
            text.push_str("      </contributor>\n");
        }
        Contributor::User(name, id) => {
            text.push_str("      <contributor>\n");
            push_element(text, "        ", "username", name);
            push_element(text, "        ", "id", &id.to_string());
            text.push_str("      </contributor>\n");
        }
    }
    if !page.comment.is_empty() {
        push_element(text, "      ", "comment", &page.comment);
    }
    push_element(text, "      ", "origin", &page.revision.to_string());
    push_element(text, "      ", "model", &page.model);
    push_element(text, "      ", "format", format_of(&page.model));
    let sha1 = sha1::base36(page.text.as_bytes());
    text.push_str(&format!("      <text bytes=\"{}\" sha1=\"{sha1}\"", page.text.len()));
    if page.text.is_empty() {
        text.push_str(" />\n");
    } else {
        text.push_str(" xml:space=\"preserve\">");
        push_escaped(text, &page.text);
        text.push_str("</text>\n");
    }
    push_element(text, "      ", "sha1", &sha1);
    text.push_str("    </revision>\n  </page>\n");
}

fn format_of(model: &str) -> &'static str {
    match model {
        "Scribunto" => "text/plain",
        "css" | "sanitized-css" => "text/css",
        "javascript" => "text/javascript",
        "json" => "application/json",
        _ => "text/x-wiki",
    }
}

fn push_element(text: &mut String, indent: &str, name: &str, value: &str) {
    text.push_str(indent);
    text.push('<');
    text.push_str(name);
    text.push('>');
    push_escaped(text, value);
    text.push_str("</");
    text.push_str(name);
    text.push_str(">\n");
}

fn push_escaped(text: &mut String, value: &str) {
    for piece in value.split_inclusive(['&', '<', '>', '"']) {
        let plain = piece.trim_end_matches(['&', '<', '>', '"']);
        text.push_str(plain);
        match piece.chars().next_back().filter(|_| plain.len() < piece.len()) {
            Some('&') => text.push_str("&amp;"),
            Some('<') => text.push_str("&lt;"),
            Some('>') => text.push_str("&gt;"),
            Some('"') => text.push_str("&quot;"),
            _ => {}
        }
    }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    push_escaped(&mut text, value);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(escaped(input), expected);
    }

    #[test]
    fn the_four_special_characters_are_escaped() {
        check(
            "<ref name=\"a\">ช้าง & x</ref>",
            "&lt;ref name=&quot;a&quot;&gt;ช้าง &amp; x&lt;/ref&gt;",
        );
        check("&&<>", "&amp;&amp;&lt;&gt;");
        check("it's", "it's");
        check("", "");
    }
}
