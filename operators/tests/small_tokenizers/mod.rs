//! Small tokenizers of every family that crossic meets, written as `tokenizer.json`.

use std::sync::{Arc, LazyLock};

use crossic_operators::vocabulary::Vocabulary;
use serde_json::{Value, json};

/// The tokenizers by family.
pub static ALL: LazyLock<Vec<(&'static str, Arc<Vocabulary>)>> = LazyLock::new(|| {
    let sample =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-samples/tokenizer.json");
    let small = |json: Value| read(json.to_string().as_bytes());
    vec![
        ("byte-level", small(byte_level())),
        ("llama", small(llama())),
        ("unigram", small(unigram())),
        ("words", small(words())),
        ("sample", read(&std::fs::read(sample).expect("the sample tokenizer"))),
    ]
});

fn read(bytes: &[u8]) -> Arc<Vocabulary> {
    Arc::new(Vocabulary::from_bytes(bytes).expect("a tokenizer"))
}

fn special(id: usize, content: &str) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true})
}

/// Ids in the order of the tokens.
fn numbered(tokens: &[String]) -> Value {
    tokens.iter().zip(0..).map(|(token, id)| (token.clone(), json!(id))).collect()
}

/// The character by which byte-level tokenizers write a byte.
fn letter(byte: u8) -> char {
    let shown = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    match shown(byte) {
        true => char::from(byte),
        false => {
            let n_before = (0..byte).filter(|byte| !shown(*byte)).count() as u32;
            char::from_u32(256 + n_before).expect("a letter")
        }
    }
}

/// Bytes with a few merges, some of which swallow a delimiter, split as Qwen splits; a reserved
/// token ends segments.
fn byte_level() -> Value {
    let merges = [
        ("Ċ", "Ċ"),
        (".", "ĊĊ"),
        (".", ".ĊĊ"),
        ("t", "h"),
        ("th", "e"),
        ("Ġ", "the"),
        ("Ġ", "a"),
        ("e", "r"),
        ("à", "¸"),
        ("à¸", "²"),
        ("ã", "ģ"),
    ];
    let mut tokens: Vec<String> = (0..=255).map(|byte| letter(byte).to_string()).collect();
    tokens.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    let n_tokens = tokens.len();
    let split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    json!({"version": "1.0", "normalizer": {"type": "NFC"},
        "added_tokens": [
            special(n_tokens, "<|endoftext|>"),
            special(n_tokens + 1, "<|reserved_special_token_0|>"),
        ],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
                "use_regex": false},
        ]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
            "use_regex": false},
        "model": {"type": "BPE", "vocab": numbered(&tokens), "merges": merges}})
}

/// Tokens that every SentencePiece-like tokenizer here has: specials, bytes, letters.
fn pieces() -> Vec<String> {
    let specials = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let bytes = (0..=255).map(|byte: u8| format!("<0x{byte:02X}>"));
    let letters = "▁abcdefghijklmnopqrstuvwxyz.,กขคงาช水の".chars().map(String::from);
    specials.into_iter().chain(bytes).chain(letters).collect()
}

/// Merges over a text with a prefix, unknown characters as bytes, a token before every text, and
/// no token that could end a segment.
fn llama() -> Value {
    let merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("▁", "a"), ("e", "r"), ("า", "ง")];
    let mut tokens = pieces();
    tokens.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    json!({"version": "1.0",
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "vocab": numbered(&tokens), "merges": merges}})
}

/// The likeliest pieces, with a prefix at the start of a text only.
fn unigram() -> Value {
    let mut vocab: Vec<Value> = pieces().iter().map(|piece| json!([piece, -6.0])).collect();
    vocab.extend(["▁the", "▁a", "er", "ช้าง", "。"].map(|piece| json!([piece, -4.0])));
    json!({"version": "1.0",
        "added_tokens": [special(0, "<unk>"), special(2, "</s>")],
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
            "split": true},
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": vocab}})
}

/// Words and marks; white space, delimiters too, takes no token.
fn words() -> Value {
    let tokens = ["[UNK]", "[SEP]", "[SPLIT]", "the", "a", ".", "ช้าง", "水"].map(str::to_owned);
    json!({"version": "1.0",
        "added_tokens": [special(0, "[UNK]"), special(1, "[SEP]"), special(2, "[SPLIT]")],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": numbered(&tokens)}})
}
