//! Formulas that are a few characters of text: a variable, a number, a sum.
//!
//! `<math>n^2</math>` within a sentence is a word of it. What needs to be set, such as a fraction or an
//! integral, stays a formula.

use super::numbers::{lowered, raised};

/// Longest formula that may be text, in bytes.
const MAX_BYTES: usize = 60;
/// Longest text that a formula may become, in characters.
const MAX_CHARS: usize = 16;

/// Commands that stand for one character, or for nothing.
const COMMANDS: &[(&str, &str)] = &[
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("delta", "δ"),
    ("epsilon", "ε"),
    ("varepsilon", "ε"),
    ("zeta", "ζ"),
    ("eta", "η"),
    ("theta", "θ"),
    ("iota", "ι"),
    ("kappa", "κ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("nu", "ν"),
    ("xi", "ξ"),
    ("pi", "π"),
    ("rho", "ρ"),
    ("sigma", "σ"),
    ("tau", "τ"),
    ("phi", "φ"),
    ("varphi", "φ"),
    ("chi", "χ"),
    ("psi", "ψ"),
    ("omega", "ω"),
    ("Gamma", "Γ"),
    ("Delta", "Δ"),
    ("Theta", "Θ"),
    ("Lambda", "Λ"),
    ("Xi", "Ξ"),
    ("Pi", "Π"),
    ("Sigma", "Σ"),
    ("Phi", "Φ"),
    ("Psi", "Ψ"),
    ("Omega", "Ω"),
    ("times", " × "),
    ("cdot", "·"),
    ("pm", " ± "),
    ("leq", " ≤ "),
    ("le", " ≤ "),
    ("geq", " ≥ "),
    ("ge", " ≥ "),
    ("neq", " ≠ "),
    ("ne", " ≠ "),
    ("approx", " ≈ "),
    ("in", " ∈ "),
    ("to", " → "),
    ("rightarrow", " → "),
    ("infty", "∞"),
    ("ldots", "…"),
    ("dots", "…"),
    ("ell", "ℓ"),
    ("hbar", "ℏ"),
    ("circ", "°"),
    ("displaystyle", ""),
    ("textstyle", ""),
    ("mathrm", ""),
    ("mathbf", ""),
    ("mathit", ""),
    ("mathsf", ""),
    ("mathbb", ""),
    ("mathcal", ""),
    ("text", ""),
    ("rm", ""),
    (",", " "),
    (";", " "),
    (" ", " "),
    ("!", ""),
];

/// Returns a formula as text, or none if it is more than a few characters in a row.
pub(super) fn as_text(formula: &str) -> Option<String> {
    let formula = formula.trim();
    if MAX_BYTES < formula.len() {
        return None;
    }
    let mut out = String::new();
    let mut rest = formula;
    while let Some(c) = rest.chars().next() {
        let (text, after) = piece(c, rest.get(c.len_utf8()..)?)?;
        match text.starts_with(' ') && out.ends_with(' ') {
            true => out.push_str(text.trim_start()),
            false => out.push_str(&text),
        }
        rest = after;
    }
    let out = out.trim();
    let is_text = !out.is_empty() && out.chars().count() <= MAX_CHARS;
    is_text.then(|| out.to_owned())
}

/// Returns what a character stands for, and what follows; none if it is more than text.
fn piece(c: char, rest: &str) -> Option<(String, &str)> {
    match c {
        '\\' => {
            let is_letter = |c: char| c.is_ascii_alphabetic();
            let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
            let end = if end == 0 { rest.chars().next()?.len_utf8() } else { end };
            let (name, after) = rest.split_at_checked(end)?;
            let (_, text) = COMMANDS.iter().find(|(known, _)| *known == name)?;
            // The space that ends the name of a command is none of the formula.
            Some(((*text).to_owned(), after.strip_prefix(' ').unwrap_or(after)))
        }
        '^' | '_' => {
            let (script, after) = group(rest)?;
            let special = if c == '^' { raised(script) } else { lowered(script) };
            // A letter at the foot of another is read as it stands.
            let plain = || {
                (c == '_' && script.chars().all(char::is_alphanumeric)).then(|| script.to_owned())
            };
            Some((special.or_else(plain)?, after))
        }
        '{' | '}' => Some((String::new(), rest)),
        '=' | '<' | '>' | '+' => Some((format!(" {c} "), rest.trim_start())),
        '-' => Some(("−".to_owned(), rest)),
        // Two apostrophes would look like markup that was left.
        '\'' => Some(("′".to_owned(), rest)),
        c if c.is_alphanumeric() || " ,.()/!|".contains(c) => Some((c.to_string(), rest)),
        _ => None,
    }
}

/// Returns a character or what stands in braces, and what follows.
fn group(rest: &str) -> Option<(&str, &str)> {
    match rest.strip_prefix('{') {
        Some(inner) => inner.split_once('}'),
        None => rest.split_at_checked(rest.chars().next()?.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_characters_are_text() {
        for (formula, text) in [
            ("x", "x"),
            (" n^2 ", "n²"),
            ("km^{-1}", "km⁻¹"),
            ("O(n)", "O(n)"),
            ("a=b", "a = b"),
            ("x \\in X", "x ∈ X"),
            ("\\alpha_1", "α₁"),
            ("v_max", "vmax"),
            ("{\\displaystyle f(x)}", "f(x)"),
            ("3 \\times 10^8", "3 × 10⁸"),
            ("\\mathrm{H}", "H"),
            ("f''(x)", "f′′(x)"),
        ] {
            assert_eq!(as_text(formula).as_deref(), Some(text), "{formula}");
        }
    }

    #[test]
    fn what_must_be_set_is_no_text() {
        for formula in [
            "",
            "\\frac{a}{b}",
            "\\sqrt 2",
            "x^n",
            "x^",
            "\\",
            "a & b",
            "[[a]]",
            "a_1+a_2+a_3+a_4+a_5+a_6",
            "\\sum_{i=1}^n i",
        ] {
            assert_eq!(as_text(formula), None, "{formula}");
        }
    }
}
