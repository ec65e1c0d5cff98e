//! Trains the small byte-level tokenizer of the samples.

use std::path::PathBuf;

use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper,
    PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer, TokenizerImpl,
    models::bpe::{BPE, BpeTrainer},
    pre_tokenizers::{
        byte_level::ByteLevel,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
};

use crate::{error::Error, samples::source_page};

/// The special tokens; they get the last ids, as in the models whose tokenizers this one resembles.
pub const SPECIAL_TOKENS: [&str; 2] = ["<|endoftext|>", "<|reserved_special_token_0|>"];

/// Splits text into contractions, words, groups of up to three digits, punctuation, and white
/// space.
const SPLIT: &str = concat!(
    r"(?i:'(?:s|t|re|ve|m|ll|d))",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+",
    r"|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"|\s*[\r\n]+",
    r"|\s+(?!\S)",
    r"|\s+"
);

type Trainable = TokenizerImpl<
    BPE,
    NormalizerWrapper,
    PreTokenizerWrapper,
    PostProcessorWrapper,
    DecoderWrapper,
>;

/// Reads the files in order of their names; of a page source only the text counts.
pub fn read_texts(paths: &[PathBuf]) -> Result<Vec<String>, Error> {
    let mut paths = paths.to_vec();
    paths.sort();
    paths.dedup();
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        let text = fs_err::read_to_string(&path)?;
        let is_source = path.extension().is_some_and(|extension| extension == "wiki");
        let body = if is_source {
            source_page::split(&text).map(|(_, body)| body.to_string())
        } else {
            None
        };
        texts.push(body.unwrap_or(text));
    }
    // The order of files in different folders must not matter.
    texts.sort();
    Ok(texts)
}

/// Trains a tokenizer of at most `vocabulary` tokens, special ones included, and returns its JSON.
///
/// It trains twice, because a trainer that is not reproducible would make the samples differ from
/// build to build.
pub fn train(texts: &[String], vocabulary: usize) -> Result<String, Error> {
    let json = train_once(texts, vocabulary)?;
    if json == train_once(texts, vocabulary)? {
        return Ok(json);
    }
    Err(Error::Request("training twice on the same texts gave two different tokenizers".into()))
}

fn train_once(texts: &[String], vocabulary: usize) -> Result<String, Error> {
    let n_learned = vocabulary.saturating_sub(SPECIAL_TOKENS.len());
    if n_learned < 256 {
        let message = format!("a vocabulary of {vocabulary} has no room for the 256 bytes");
        return Err(Error::Request(message));
    }
    let split =
        Split::new(SplitPattern::Regex(SPLIT.into()), SplitDelimiterBehavior::Isolated, false)
            .map_err(Error::Tokenizer)?;
    // Neither step may add a space in front or apply a split of its own.
    let bytes = ByteLevel::new(false, false, false);
    let mut tokenizer: Trainable = TokenizerImpl::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(PreTokenizerWrapper::Sequence(Sequence::new(vec![
        PreTokenizerWrapper::Split(split),
        PreTokenizerWrapper::ByteLevel(bytes),
    ]))));
    tokenizer.with_decoder(Some(DecoderWrapper::ByteLevel(bytes)));
    tokenizer.with_post_processor(Some(PostProcessorWrapper::ByteLevel(bytes)));
    let mut trainer = BpeTrainer::builder()
        .vocab_size(n_learned)
        .min_frequency(2)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    tokenizer.train(&mut trainer, texts.iter()).map_err(Error::Tokenizer)?;
    let mut tokenizer: Tokenizer = into_general(tokenizer);
    tokenizer.add_special_tokens(&SPECIAL_TOKENS.map(|token| AddedToken::from(token, true)));
    tokenizer.to_string(true).map_err(Error::Tokenizer)
}

fn into_general(tokenizer: Trainable) -> Tokenizer {
    let mut general = Tokenizer::new(ModelWrapper::BPE(tokenizer.get_model().clone()));
    general.with_pre_tokenizer(tokenizer.get_pre_tokenizer().cloned());
    general.with_decoder(tokenizer.get_decoder().cloned());
    general.with_post_processor(tokenizer.get_post_processor().cloned());
    general
}

/// Returns how many tokens a tokenizer knows, special ones included.
pub fn vocabulary_of(json: &str) -> Result<usize, Error> {
    let tokenizer: Tokenizer = json.parse().map_err(Error::Tokenizer)?;
    Ok(tokenizer.get_vocab_size(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_way_to_tokens_and_back() {
        let texts = vec![
            "The elephant eats. The elephant's 123456 ears.\n".repeat(4),
            "ช้างกินหญ้า ช้าง\n".repeat(4),
        ];
        let json = train(&texts, 400).unwrap();
        let tokenizer: Tokenizer = json.parse().unwrap();
        assert!(vocabulary_of(&json).unwrap() <= 400);
        for text in ["ช้าง's 12345", " é\n\n 象<|endoftext|>", "a_b  c"] {
            let encoding = tokenizer.encode(text, true).unwrap();
            assert_eq!(tokenizer.decode(encoding.get_ids(), false).unwrap(), text);
        }
        let end = tokenizer.token_to_id("<|endoftext|>").unwrap();
        assert_eq!(end as usize + 2, vocabulary_of(&json).unwrap());
        assert_eq!(tokenizer.encode("", true).unwrap().get_ids(), &[] as &[u32]);
    }
}
