//! The event file against an independent reader, known CRCs and known bytes.

use super::*;
use crate::run::metrics::tests::{eval, step};

#[test]
fn the_crc_is_that_of_known_vectors() {
    // RFC 3720, B.4, and the usual check value.
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    assert_eq!(crc32c(b""), 0);
}

/// A record, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Event {
    time: f64,
    step: u64,
    version: String,
    scalars: Vec<(String, f32)>,
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(n);
    *bytes = rest;
    taken
}

fn number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for place in 0.. {
        let byte = take(bytes, 1)[0];
        number += u64::from(byte % 128) * 128_u64.pow(place);
        if byte < 128 {
            break;
        }
    }
    number
}

/// Calls back with the number of each field and its content.
fn fields<'a>(mut bytes: &'a [u8], mut found: impl FnMut(u64, &'a [u8], u64)) {
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        match key % 8 {
            0 => found(key / 8, &[], number(&mut bytes)),
            1 => found(key / 8, take(&mut bytes, 8), 0),
            2 => {
                let n = number(&mut bytes) as usize;
                found(key / 8, take(&mut bytes, n), 0);
            }
            5 => found(key / 8, take(&mut bytes, 4), 0),
            wire => panic!("wire type {wire}"),
        }
    }
}

/// The reader of TFRecords, by their description; `crc` by table, unlike the writer's.
fn decode(mut bytes: &[u8]) -> Vec<Event> {
    let table: Vec<u32> = (0..256_u32)
        .map(|it| (0..8).fold(it, |c, _| if c % 2 == 1 { (c / 2) ^ 0x82f6_3b78 } else { c / 2 }))
        .collect();
    let crc = |bytes: &[u8]| {
        let fold = |c: u32, byte: &u8| table[(c as u8 ^ byte) as usize] ^ (c >> 8);
        let crc = !bytes.iter().fold(!0, fold);
        let (high, low) = (crc / (1 << 15), crc % (1 << 15));
        (low * (1 << 17) + high).wrapping_add(0xa282_ead8)
    };
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let length = take(&mut bytes, 8);
        assert_eq!(take(&mut bytes, 4), crc(length).to_le_bytes());
        let n = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let message = take(&mut bytes, n);
        assert_eq!(take(&mut bytes, 4), crc(message).to_le_bytes());
        let mut event = Event::default();
        fields(message, |field, content, number| match field {
            1 => event.time = f64::from_le_bytes(content.try_into().unwrap()),
            2 => event.step = number,
            3 => event.version = String::from_utf8(content.to_vec()).unwrap(),
            5 => fields(content, |_, content, _| {
                let mut scalar = (String::new(), 0.0);
                fields(content, |field, content, _| match field {
                    1 => scalar.0 = String::from_utf8(content.to_vec()).unwrap(),
                    2 => scalar.1 = f32::from_le_bytes(content.try_into().unwrap()),
                    field => panic!("field {field} of a value"),
                });
                event.scalars.push(scalar);
            }),
            field => panic!("field {field} of an event"),
        });
        events.push(event);
    }
    events
}

#[test]
fn an_independent_reader_finds_every_number() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("events.out.tfevents.1700000000.crossic");
    fs_err::write(&old, b"old").unwrap();
    let mut events = Events::start(dir.path(), 1.8e9, &[eval(0, 9.0), step(1, 8.0)]).unwrap();
    events.add(&step(300, 7.0)).unwrap();
    events.add(&eval(300, 7.5)).unwrap();
    assert!(!old.exists());
    let path = dir.path().join("events.out.tfevents.1800000000.crossic");
    let found = decode(&fs_err::read(path).unwrap());
    assert_eq!(found.len(), 5);
    assert_eq!((found[0].version.as_str(), found[0].time), ("brain.Event:2", 1.8e9));
    assert_eq!(found.iter().map(|it| it.step).collect::<Vec<_>>(), [0, 0, 1, 300, 300]);
    assert_eq!(found[3].time, 1.8e9 + 300.0);
    assert_eq!(found[3].scalars[0], ("train/loss".to_owned(), 7.0));
    assert_eq!(found[3].scalars[1], ("train/learning_rate".to_owned(), 1e-4));
    assert_eq!(found[4].scalars[0], ("eval/loss".to_owned(), 7.5));
    let thai = found[4].scalars.iter().find(|it| it.0 == "eval/loss_ไทย<&").unwrap();
    assert_eq!(thai.1, 8.0);
}

#[test]
fn foreign_event_files_stay() {
    assert!(is_events("events.out.tfevents.1800000000.crossic"));
    assert!(!is_events("events.out.tfevents.1800000000.host.123.0"));
}
