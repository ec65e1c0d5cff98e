//! SQL tables: the layouts that real dumps have had, and what is wrong with broken ones.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

use crossic::dump::sql::Table;
use proptest::prelude::*;

mod common;
use common::{file, gz, line};

/// Reads the wanted columns of table `t`: the rows as text, or the error; then the malformed ones.
fn rows(sql: &[u8], columns: &[&str], n_bytes: usize) -> (Vec<String>, Option<String>, u64) {
    let file = file(sql);
    let mut rows = Vec::new();
    let mut table = match Table::open_in_steps(file.path(), "t", columns, n_bytes) {
        Ok(table) => table,
        Err(error) => return (rows, Some(line(&error, file.path())), 0),
    };
    let mut buffer = Vec::new();
    let error = loop {
        match table.next_row() {
            Ok(None) => break None,
            Err(error) => break Some(line(&error, file.path())),
            Ok(Some(row)) => {
                let values = (0..columns.len()).map(|k| match row.text(k, &mut buffer) {
                    None => "NULL".to_owned(),
                    Some(value) => String::from_utf8_lossy(value).into_owned(),
                });
                rows.push(values.collect::<Vec<_>>().join("|"));
            }
        }
    };
    (rows, error, table.malformed())
}

const HEAD: &str = "CREATE TABLE `t` (\n  `a` int(8) unsigned NOT NULL DEFAULT '0',\n  `b` varbinary(255) DEFAULT 'x,)',\n  `c` enum('p','q'),\n  PRIMARY KEY (`a`),\n  KEY `b` (`b`,`c`)\n) ENGINE=InnoDB COMMENT='a;b';\n";

fn check(statements: &str, columns: &[&str], expected: Result<&[&str], &str>) {
    let sql = format!("{HEAD}{statements}");
    for n_bytes in [1, 5, 1 << 16] {
        let (rows, error, _) = rows(sql.as_bytes(), columns, n_bytes);
        match (&error, expected) {
            (None, Ok(expected)) => assert_eq!(rows, expected, "{statements}"),
            (Some(error), Err(expected)) => assert_eq!(error, expected, "{statements}"),
            _ => panic!("{statements}: {rows:?} {error:?}"),
        }
    }
}

#[test]
fn rows_of_every_layout() {
    for (statements, columns, expected) in [
        ("", &["a"][..], &[][..]),
        ("INSERT INTO `t` VALUES (1,'ก','p'),(2,NULL,'q');\n", &["b", "a"], &["ก|1", "NULL|2"]),
        (
            "INSERT INTO `t` VALUES (1,'x','p');INSERT INTO t VALUES (2,'y','p');",
            &["b"],
            &["x", "y"],
        ),
        ("INSERT INTO `t` (`c`, `a`) VALUES ('p',7);", &["a", "b?", "c"], &["7|NULL|p"]),
        (
            "INSERT IGNORE INTO `w`.`t` VALUES\r\n (1, 'x', 'p') ,\r\n (2,'y','q') ;\r\n",
            &["a"],
            &["1", "2"],
        ),
        ("REPLACE INTO t VALUES (1,'it''s','p');", &["b", "nothere?"], &["it's|NULL"]),
        (
            "insert into t values (1,'a;b),(\\'','p') on duplicate key update a=1, b=';';",
            &["b"],
            &["a;b),('"],
        ),
        (
            "INSERT INTO `u` VALUES (1,'(;');INSERT INTO `t` VALUES (0x4a,-1.5e3,_binary 'z');",
            &["a", "b", "c"],
            &["J|-1500|z"],
        ),
        (
            "/*!40000 ALTER TABLE `t` DISABLE KEYS */;\nLOCK TABLES `t` WRITE;\n-- it's; a comment\n# and another's\nINSERT INTO `t` VALUES (1,'','p');\nUNLOCK TABLES;\n-- Dump completed\n",
            &["a", "b"],
            &["1|"],
        ),
        (
            "DROP TABLE `x;y`; CREATE TABLE `z` (`a` int); INSERT INTO `t` VALUES (3,'\\\\','p')",
            &["a"],
            &[],
        ),
    ] {
        match statements.ends_with(')') {
            true => {
                let at = HEAD.len() + statements.len();
                let error =
                    format!("the SQL is cut off at byte {at}, in the middle of a statement");
                check(statements, columns, Err(&error));
            }
            // The number is given as it is written.
            false => check(
                statements,
                columns,
                Ok(&expected
                    .iter()
                    .map(|row| if *row == "J|-1500|z" { "J|-1.5e3|z" } else { row })
                    .collect::<Vec<_>>()),
            ),
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let at = |ahead: usize| HEAD.len() + ahead;
    check("", &["x"], Err("table `t` has no column `x`; it has `a`, `b`, `c`"));
    check(
        "INSERT INTO `t` (`a`) VALUES (1);",
        &["b"],
        Err("table `t` has no column `b`; it has `a`"),
    );
    for (statements, expected) in [
        ("INSERT INTO `t` VALUES 1;", format!("expected a row at byte {}", at(23))),
        (
            "INSERT INTO `t` VALUES (1,'a'b,'p');",
            format!("expected a value, `,` or `)` at byte {}", at(29)),
        ),
        (
            "INSERT INTO `t` VALUES (1,'a','p') (2);",
            format!("expected `,` or `;` behind a row at byte {}", at(35)),
        ),
    ] {
        check(statements, &["a"], Err(&expected));
    }
    for cut in [
        "INSERT",
        "INSERT INTO `t",
        "INSERT INTO `t` VALUES",
        "INSERT INTO `t` VALUES (1,'a",
        "INSERT INTO `t` VALUES (1,'a','p')",
        "INSERT INTO `t` VALUES (1,'a','p'),",
        "UNLOCK TABLES",
        "/* no end",
        "INSERT INTO `u` VALUES ('a;",
    ] {
        let error =
            format!("the SQL is cut off at byte {}, in the middle of a statement", at(cut.len()));
        check(cut, &["a"], Err(&error));
    }
}

#[test]
fn a_file_without_the_table_names_those_it_has() {
    for (sql, expected) in [
        (
            "CREATE TABLE `page` (`a` int);\nINSERT INTO page VALUES (1);",
            "table `t` is not in the file; it has `page`",
        ),
        ("<html>", "the SQL is cut off at byte 6, in the middle of a statement"),
        ("-- nothing\n", "table `t` is not in the file; it has none"),
        ("INSERT INTO t VALUES (1);", "rows of table `t` at byte 20 come before its CREATE TABLE"),
        ("CREATE TABLE t (a int", "the SQL is cut off at byte 21, in the middle of a statement"),
    ] {
        assert_eq!(rows(sql.as_bytes(), &["a"], 64).1.as_deref(), Some(expected), "{sql}");
    }
    let listed = rows(b"\xef\xbb\xbfINSERT INTO t (b, a) VALUES (1,2);", &["a"], 64);
    assert_eq!(listed, (vec!["2".to_owned()], None, 0));
}

#[test]
fn rows_of_another_length_are_counted() {
    let sql = format!("{HEAD}INSERT INTO t VALUES (1,'a'),(2,'b','p'),(3,'c','p',4),(5);");
    let file = file(sql.as_bytes());
    let mut table = Table::open(file.path(), "t", &["a"]).unwrap();
    assert_eq!(table.next_row().unwrap().unwrap().number(0), Some(2));
    assert!(table.next_row().unwrap().is_none());
    assert_eq!(table.malformed(), 3);
    let first = table.first_malformed().unwrap();
    assert_eq!(first.text as usize, sql.find("(1,").unwrap());
    assert_eq!(first.compressed, first.text);
    assert_eq!(table.bytes_read(), sql.len() as u64);
}

#[test]
fn values_as_numbers() {
    let sql = "CREATE TABLE t (a int);INSERT INTO t VALUES (7),('8'),(-9),(1.5),(NULL),(0x31),(99999999999999999999);\n-- Dump completed on 2026-01-01\n";
    let file = file(&gz(sql.as_bytes()));
    let mut table = Table::open(file.path(), "t", &["a"]).unwrap();
    let mut numbers = Vec::new();
    while let Some(row) = table.next_row().unwrap() {
        numbers.push((row.number(0), row.signed(0), row.is_null(0)));
        assert_eq!((row.number(1), row.raw(1), row.is_null(1)), (None, None, true));
    }
    let expected = [
        (Some(7), Some(7), false),
        (Some(8), Some(8), false),
        (None, Some(-9), false),
        (None, None, false),
        (None, None, true),
        (None, None, false),
        (None, None, false),
    ];
    assert_eq!(numbers, expected);
    assert_eq!(table.columns(), ["a"]);
    assert!(table.seen_completion());
}

#[test]
fn a_very_long_row() {
    let long = "x\\'".repeat(700_000);
    let sql = format!("{HEAD}INSERT INTO t VALUES (1,'{long}','p'),(2,'b','q');");
    let (rows, error, _) = rows(sql.as_bytes(), &["b", "a"], 1000);
    assert_eq!((rows.len(), error), (2, None));
    assert_eq!(rows[0].len(), 1_400_000 + 2);
}

#[test]
fn damage_in_the_packing_is_no_end() {
    let sql = format!("{HEAD}INSERT INTO t VALUES (1,'a','p');\n");
    let mut packed = gz(sql.as_bytes());
    let n_kept = packed.len() - 3;
    let cut = rows(&packed[..n_kept], &["a"], 1 << 16).1.unwrap();
    assert!(cut.starts_with("the gzip data is cut off at"), "{cut}");
    packed[n_kept - 2] ^= 1;
    let damaged = rows(&packed, &["a"], 1 << 16).1.unwrap();
    assert!(damaged.starts_with("the gzip data is damaged before"), "{damaged}");
}

const PIECES: [&str; 30] = [
    "CREATE TABLE `t` (",
    "`a` int,",
    "`b` int",
    ");",
    "INSERT INTO `t` VALUES ",
    "(1,'x')",
    ",",
    ";",
    "'",
    "\\",
    "(",
    ")",
    "NULL",
    "0x1f",
    "_binary ",
    "-- c\n",
    "/*",
    "*/",
    "`",
    "\"",
    "\n",
    "(2,'y\\'')",
    "ไทย",
    "#",
    "-",
    "/",
    " ",
    "''",
    "INSERT INTO `u` VALUES ",
    ".",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_statements_read_the_same_in_any_steps(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30),
        headed in any::<bool>(),
        n_bytes in 1usize..40,
    ) {
        let head = if headed { "CREATE TABLE `t` (`a` int,`b` int);INSERT INTO `t` VALUES (1,'x')" } else { "" };
        let sql = format!("{head}{}", pieces.concat());
        let in_one = rows(sql.as_bytes(), &["a", "b"], 1 << 16);
        prop_assert_eq!(rows(sql.as_bytes(), &["a", "b"], n_bytes), in_one);
    }

    #[test]
    fn arbitrary_bytes_never_panic(sql in prop::collection::vec(any::<u8>(), 1..300)) {
        let _ = rows(&sql, &["a"], 16);
        let _ = rows(&[HEAD.as_bytes(), b"INSERT INTO t VALUES (", &sql].concat(), &["a"], 16);
    }

    #[test]
    fn any_values_come_back(values in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), 1..20), n_bytes in 1usize..64) {
        let mut sql = b"CREATE TABLE t (a blob);INSERT INTO t VALUES ".to_vec();
        for (k, value) in values.iter().enumerate() {
            sql.extend_from_slice(if k == 0 { b"(" } else { b",(" });
            match value {
                None => sql.extend_from_slice(b"NULL"),
                Some(value) => {
                    sql.push(b'\'');
                    for byte in value {
                        if matches!(byte, b'\'' | b'\\') {
                            sql.push(b'\\');
                        }
                        sql.push(*byte);
                    }
                    sql.push(b'\'');
                }
            }
            sql.push(b')');
        }
        sql.push(b';');
        let file = file(&sql);
        let mut table = Table::open_in_steps(file.path(), "t", &["a"], n_bytes).unwrap();
        let (mut found, mut buffer) = (Vec::new(), Vec::new());
        while let Some(row) = table.next_row().unwrap() {
            found.push(row.text(0, &mut buffer).map(<[u8]>::to_vec));
        }
        prop_assert_eq!(found, values);
    }
}
