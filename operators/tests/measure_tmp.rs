//! Temporary.
#![allow(clippy::unwrap_used, missing_docs)]
use crossic_operators::{
    record::Origin,
    split_windows::*,
    text::{DELIMITER, Document},
    vocabulary::Vocabulary,
};
use std::{sync::Arc, time::Instant};
#[test]
fn measure() {
    let bytes = std::fs::read("/work/shared/data/tokenizer/qwen2.tokenizer.json").unwrap();
    let v = Arc::new(Vocabulary::from_bytes(&bytes).unwrap());
    let raw = <tokenizers::Tokenizer as std::str::FromStr>::from_str(
        std::str::from_utf8(&bytes).unwrap(),
    )
    .unwrap();
    let load = |l: &str| {
        std::fs::read_to_string(format!("/tmp/jt/{l}.txt"))
            .unwrap()
            .split_terminator('\0')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let en = load("en");
    for lang in ["vi", "ja"] {
        let other = load(lang);
        let n = other.len();
        let limit = 6_000_000;
        let mut size = 0;
        let mut pairs: Vec<(&String, &String)> = Vec::new();
        for (a, b) in en.iter().zip(&other).take(n) {
            if limit < size {
                break;
            }
            size += a.len() + b.len();
            pairs.push((a, b));
        }
        for tokens in [512, 4096] {
            let s = Splitter::new(
                Config {
                    tokenizer: Default::default(),
                    tokens,
                    variant: Variant::Crossic,
                    direction: Direction::EnglishFirst,
                    seed: 1,
                    advance: Advance::Paired,
                    oversize: Oversize::Sentence,
                    repeat_title: RepeatTitle::Every,
                    split_token: "auto".into(),
                    end_token: "auto".into(),
                },
                v.clone(),
            )
            .unwrap();
            for round in 0..2 {
                let t = Instant::now();
                let mut n_raw = 0;
                for (a, b) in &pairs {
                    n_raw += raw.encode_fast(a.as_str(), false).unwrap().len();
                    n_raw += raw.encode_fast(b.as_str(), false).unwrap().len();
                }
                let raw_time = t.elapsed().as_secs_f64();
                let t = Instant::now();
                let (mut n_tok, mut n_seg) = (0, 0);
                let mut works = Vec::new();
                for ((a, b), p) in pairs.iter().zip(0..) {
                    let e = Sided {
                        lang: "en",
                        wiki: "en",
                        page: p,
                        revision: 0,
                        document: Document::parse(a),
                    };
                    let o = Sided {
                        lang,
                        wiki: lang,
                        page: p,
                        revision: 0,
                        document: Document::parse(b),
                    };
                    if let Ok(w) = s.split(Origin::Wiki, e, o) {
                        n_seg += w.segments.len();
                        n_tok += w.segments.iter().map(|s| s.input_ids.len()).sum::<usize>();
                        works.push((w, e, o));
                    }
                }
                let split_time = t.elapsed().as_secs_f64();
                eprintln!(
                    "{lang} N={tokens} round {round}: {} pairs {size} bytes, raw {n_raw} tokens {raw_time:.3} s, split {n_tok} tokens {n_seg} segments {split_time:.3} s, speed ratio {:.3} (per token {:.3})",
                    pairs.len(),
                    raw_time / split_time,
                    raw_time / split_time * n_tok as f64 / n_raw as f64
                );
                if round == 1 {
                    let (mut whole, mut cut, mut bad) = (0, 0, 0);
                    for (w, e, o) in &works {
                        for seg in &w.segments {
                            match s.whole_agrees(seg, e, o) {
                                None => cut += 1,
                                Some(true) => whole += 1,
                                Some(false) => {
                                    whole += 1;
                                    bad += 1;
                                    if bad <= 3 {
                                        let mut ps = Vec::new();
                                        for sp in &seg.spans {
                                            let d = if sp.wiki == "en" {
                                                e.document
                                            } else {
                                                o.document
                                            };
                                            ps.push(d.title);
                                            ps.extend(
                                                d.paragraphs()
                                                    .skip(sp.paragraph_start as usize)
                                                    .take(
                                                        (sp.paragraph_end - sp.paragraph_start)
                                                            as usize,
                                                    ),
                                            );
                                        }
                                        let x = v.encode(&ps.join(DELIMITER));
                                        let y = &seg.input_ids;
                                        let at =
                                            x.iter().zip(y).position(|(a, b)| a != b).unwrap_or(0);
                                        let show = |i: &[u32]| {
                                            i[at.saturating_sub(3)..(at + 4).min(i.len())]
                                                .iter()
                                                .map(|t| v.decode(&[*t]))
                                                .collect::<Vec<_>>()
                                        };
                                        eprintln!(
                                            "  at {at} of {}: whole {:?} pieces {:?}",
                                            y.len(),
                                            show(&x),
                                            show(y)
                                        );
                                    }
                                }
                            }
                        }
                    }
                    eprintln!(
                        "  {lang} N={tokens}: whole-paragraph segments {whole}, differing {bad}, with cuts {cut}"
                    );
                }
            }
        }
    }
}
