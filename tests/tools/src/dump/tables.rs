//! The tables of a dump: their heads and feet in the clothes of three releases, and their columns.

use crate::dump::{
    page::Page,
    site::{Clothes, Site},
    sql::{Rows, Value},
};

/// A table of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// All pages.
    Page,
    /// Links to the same subject in other languages.
    Langlinks,
    /// Where redirects lead.
    Redirect,
    /// Named properties of pages.
    PageProps,
}

impl Table {
    /// Returns the name as in SQL and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Table::Page => "page",
            Table::Langlinks => "langlinks",
            Table::Redirect => "redirect",
            Table::PageProps => "page_props",
        }
    }

    /// Returns everything that stands before the first INSERT.
    pub fn head(self, site: &Site) -> String {
        let name = self.name();
        let old = site.clothes == Clothes::OldMySql;
        let first = match site.clothes {
            Clothes::Sandbox => {
                "/*M!999999\\- enable the sandbox mode */ \n\
                 -- MariaDB dump 10.19  Distrib 10.5.26-MariaDB, for debian-linux-gnu (x86_64)\n"
            }
            Clothes::MariaDb => {
                "-- MariaDB dump 10.19  Distrib 10.5.23-MariaDB, for debian-linux-gnu (x86_64)\n"
            }
            Clothes::OldMySql => {
                "-- MySQL dump 10.13  Distrib 5.5.44, for debian-linux-gnu (x86_64)\n"
            }
        };
        let (server, charset) = if old {
            ("5.5.5-10.0.22-MariaDB-log", "utf8")
        } else {
            ("10.6.17-MariaDB-log", "utf8mb4")
        };
        let columns = self.columns(site.clothes);
        format!(
            "{first}--\n\
             -- Host: localhost    Database: {wiki}\n\
             -- ------------------------------------------------------\n\
             -- Server version\t{server}\n\
             \n\
             /*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n\
             /*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;\n\
             /*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;\n\
             /*!40101 SET NAMES {charset} */;\n\
             /*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;\n\
             /*!40103 SET TIME_ZONE='+00:00' */;\n\
             /*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;\n\
             /*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n\
             /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\
             /*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n\
             \n\
             --\n\
             -- Table structure for table `{name}`\n\
             --\n\
             \n\
             DROP TABLE IF EXISTS `{name}`;\n\
             /*!40101 SET @saved_cs_client     = @@character_set_client */;\n\
             /*!40101 SET character_set_client = {charset} */;\n\
             CREATE TABLE `{name}` (\n{columns}\n) ENGINE=InnoDB DEFAULT CHARSET=binary;\n\
             /*!40101 SET character_set_client = @saved_cs_client */;\n\
             \n\
             --\n\
             -- Dumping data for table `{name}`\n\
             --\n\
             \n\
             /*!40000 ALTER TABLE `{name}` DISABLE KEYS */;\n",
            wiki = site.wiki,
        )
    }

    /// Returns everything that stands after the last INSERT; `date` is the dump's, e.g. `20240720`.
    pub fn foot(self, date: &str) -> String {
        let name = self.name();
        let day =
            [date.get(..4), date.get(4..6), date.get(6..)].map(Option::unwrap_or_default).join("-");
        format!(
            "/*!40000 ALTER TABLE `{name}` ENABLE KEYS */;\n\
             /*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n\
             \n\
             /*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n\
             /*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;\n\
             /*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;\n\
             /*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n\
             /*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;\n\
             /*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;\n\
             /*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n\
             \n\
             -- Dump completed on {day}  6:58:37\n"
        )
    }

    fn columns(self, clothes: Clothes) -> String {
        let old = clothes == Clothes::OldMySql;
        let lines: &[&str] = match self {
            Table::Page if old => &OLD_PAGE,
            Table::Page => &PAGE,
            Table::Langlinks => &LANGLINKS,
            Table::Redirect => &REDIRECT,
            Table::PageProps => &PAGE_PROPS,
        };
        let text = lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join(",\n");
        // The old tool put every default in quotes.
        if old { text.replace("DEFAULT 0", "DEFAULT '0'") } else { text }
    }
}

/// Appends the row of the page table that belongs to the page.
pub fn push_page(rows: &mut Rows, site: &Site, page: &Page) {
    let touched: String = page.timestamp.chars().filter(char::is_ascii_digit).collect();
    let title = page.title.replace(' ', "_");
    let id = Value::Integer(i64::from(page.id));
    let namespace = Value::Integer(i64::from(page.namespace));
    let is_redirect = Value::Integer(i64::from(page.redirect.is_some()));
    let is_new = Value::Integer(i64::from(page.is_new));
    let random = Value::Fraction(page.random);
    let latest = Value::Integer(page.revision as i64);
    let length = Value::Integer(page.text.len() as i64);
    let (title, touched) = (Value::Text(&title), Value::Text(&touched));
    let (model, zero) = (Value::Text(&page.model), Value::Integer(0));
    match site.clothes {
        Clothes::OldMySql => {
            let links_updated = if page.redirect.is_some() { Value::Null } else { touched };
            rows.push(&[
                id,
                namespace,
                title,
                Value::Text(""),
                zero,
                is_redirect,
                is_new,
                random,
                touched,
                links_updated,
                latest,
                length,
                zero,
                model,
            ]);
        }
        Clothes::Sandbox | Clothes::MariaDb => rows.push(&[
            id,
            namespace,
            title,
            is_redirect,
            is_new,
            random,
            touched,
            touched,
            latest,
            length,
            model,
            Value::Null,
        ]),
    }
}

/// Appends the rows of the other tables that belong to the page.
pub fn push_links(langlinks: &mut Rows, redirects: &mut Rows, properties: &mut Rows, page: &Page) {
    let id = Value::Integer(i64::from(page.id));
    for link in &page.langlinks {
        langlinks.push(&[id, Value::Text(&link.lang), Value::Text(&link.title)]);
    }
    if let Some(target) = &page.redirect {
        redirects.push(&[
            id,
            Value::Integer(i64::from(target.namespace)),
            Value::Text(&target.title.replace(' ', "_")),
            Value::Text(&target.interwiki),
            Value::Text(&target.fragment),
        ]);
    }
    for property in &page.properties {
        let (name, value) = (Value::Text(&property.name), Value::Text(&property.value));
        properties.push(&[id, name, value, Value::Null]);
    }
}

const PAGE: [&str; 17] = [
    "`page_id` int(8) unsigned NOT NULL AUTO_INCREMENT",
    "`page_namespace` int(11) NOT NULL DEFAULT 0",
    "`page_title` varbinary(255) NOT NULL DEFAULT ''",
    "`page_is_redirect` tinyint(1) unsigned NOT NULL DEFAULT 0",
    "`page_is_new` tinyint(1) unsigned NOT NULL DEFAULT 0",
    "`page_random` double unsigned NOT NULL DEFAULT 0",
    "`page_touched` binary(14) NOT NULL",
    "`page_links_updated` binary(14) DEFAULT NULL",
    "`page_latest` int(8) unsigned NOT NULL DEFAULT 0",
    "`page_len` int(8) unsigned NOT NULL DEFAULT 0",
    "`page_content_model` varbinary(32) DEFAULT NULL",
    "`page_lang` varbinary(35) DEFAULT NULL",
    "PRIMARY KEY (`page_id`)",
    "UNIQUE KEY `page_name_title` (`page_namespace`,`page_title`)",
    "KEY `page_random` (`page_random`)",
    "KEY `page_len` (`page_len`)",
    "KEY `page_redirect_namespace_len` (`page_is_redirect`,`page_namespace`,`page_len`)",
];

const OLD_PAGE: [&str; 19] = [
    "`page_id` int(8) unsigned NOT NULL AUTO_INCREMENT",
    "`page_namespace` int(11) NOT NULL DEFAULT 0",
    "`page_title` varbinary(255) NOT NULL DEFAULT ''",
    "`page_restrictions` varbinary(255) NOT NULL",
    "`page_counter` bigint(20) unsigned NOT NULL DEFAULT 0",
    "`page_is_redirect` tinyint(1) unsigned NOT NULL DEFAULT 0",
    "`page_is_new` tinyint(1) unsigned NOT NULL DEFAULT 0",
    "`page_random` double unsigned NOT NULL DEFAULT 0",
    "`page_touched` varbinary(14) NOT NULL DEFAULT ''",
    "`page_links_updated` varbinary(14) DEFAULT NULL",
    "`page_latest` int(8) unsigned NOT NULL DEFAULT 0",
    "`page_len` int(8) unsigned NOT NULL DEFAULT 0",
    "`page_no_title_convert` tinyint(1) NOT NULL DEFAULT 0",
    "`page_content_model` varbinary(32) DEFAULT NULL",
    "PRIMARY KEY (`page_id`)",
    "UNIQUE KEY `name_title` (`page_namespace`,`page_title`)",
    "KEY `page_random` (`page_random`)",
    "KEY `page_len` (`page_len`)",
    "KEY `page_redirect_namespace_len` (`page_is_redirect`,`page_namespace`,`page_len`)",
];

const LANGLINKS: [&str; 5] = [
    "`ll_from` int(8) unsigned NOT NULL DEFAULT 0",
    "`ll_lang` varbinary(35) NOT NULL DEFAULT ''",
    "`ll_title` varbinary(255) NOT NULL DEFAULT ''",
    "PRIMARY KEY (`ll_from`,`ll_lang`)",
    "KEY `ll_lang` (`ll_lang`,`ll_title`)",
];

const REDIRECT: [&str; 7] = [
    "`rd_from` int(8) unsigned NOT NULL DEFAULT 0",
    "`rd_namespace` int(11) NOT NULL DEFAULT 0",
    "`rd_title` varbinary(255) NOT NULL DEFAULT ''",
    "`rd_interwiki` varbinary(32) DEFAULT NULL",
    "`rd_fragment` varbinary(255) DEFAULT NULL",
    "PRIMARY KEY (`rd_from`)",
    "KEY `rd_ns_title` (`rd_namespace`,`rd_title`,`rd_from`)",
];

const PAGE_PROPS: [&str; 7] = [
    "`pp_page` int(11) NOT NULL",
    "`pp_propname` varbinary(60) NOT NULL",
    "`pp_value` blob NOT NULL",
    "`pp_sortkey` float DEFAULT NULL",
    "PRIMARY KEY (`pp_page`,`pp_propname`)",
    "UNIQUE KEY `pp_propname_page` (`pp_propname`,`pp_page`)",
    "UNIQUE KEY `pp_propname_sortkey_page` (`pp_propname`,`pp_sortkey`,`pp_page`)",
];
