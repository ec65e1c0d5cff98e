//! Vectors of a checkpoint in the safetensors layout, written and read one at a time.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek},
    path::Path,
};

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::durable;
use crate::error::{Error, Result};

/// The longest header that is read, in bytes: the limit of the format.
const MAX_HEADER: u64 = 100_000_000;

/// Bytes read at once.
const BUFFER: usize = 1 << 20;

/// A file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    /// Its length.
    pub(super) n_bytes: u64,
    /// BLAKE3 of its content, 64 hexadecimal digits.
    pub(super) blake3: String,
}

/// Where a vector lies in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// A vector to be written: name, shape, numbers.
pub(super) type Named<'a> = (&'a str, &'a [usize], &'a Tensor<1>);

/// Writes vectors to a new file, each brought from the device by itself.
///
/// # Errors
///
/// The disk or the device fails; a number is not finite, which the error names ([`io::ErrorKind::InvalidData`]).
pub(super) fn write<'a>(
    path: &Path,
    vectors: impl Iterator<Item = Named<'a>> + Clone,
) -> io::Result<Sealed> {
    let mut header = BTreeMap::new();
    let mut offset = 0;
    for (name, shape, vector) in vectors.clone() {
        let [n_values] = vector.dims();
        let end = offset + n_values as u64 * 4;
        let dtype = "F32".to_owned();
        let entry = Entry { dtype, shape: shape.to_vec(), data_offsets: [offset, end] };
        header.insert(name, entry);
        offset = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    // Readers want the numbers at a multiple of 8.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut hasher = blake3::Hasher::new();
    let mut n_bytes = 0;
    durable::create(path, |file| {
        let mut put = |bytes: &[u8]| {
            hasher.update(bytes);
            n_bytes += bytes.len() as u64;
            durable::write(file, bytes)
        };
        put(&(header.len() as u64).to_le_bytes())?;
        put(&header)?;
        for (name, _, vector) in vectors {
            let numbers = vector.try_to_vec_as::<f32>().map_err(|cause| {
                io::Error::other(format!("the device failed at `{name}`: {cause}"))
            })?;
            if numbers.iter().any(|it| !it.is_finite()) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, name));
            }
            put(&numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>())?;
        }
        Ok(())
    })?;
    Ok(Sealed { n_bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// Says what is wrong with a file, `None` if it is what was written.
pub(super) fn damage(path: &Path, sealed: &Sealed) -> io::Result<Option<String>> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some("is missing".to_owned()));
        }
        result => result?,
    };
    let n_bytes = file.metadata()?.len();
    if n_bytes != sealed.n_bytes {
        return Ok(Some(format!("has {n_bytes} bytes instead of {}", sealed.n_bytes)));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(io::BufReader::with_capacity(BUFFER, file))?;
    let is_same = hasher.finalize().to_hex().as_str() == sealed.blake3;
    Ok((!is_same).then(|| "is not what was written: its hash differs".to_owned()))
}

/// Reads the vectors of these names and lengths to a device, in the order asked for.
///
/// # Errors
///
/// The file cannot be read, or holds other vectors.
pub(super) fn read(
    path: &Path,
    wanted: &[(&str, &[usize])],
    device: &Device,
) -> Result<Vec<Tensor<1>>> {
    let wrong =
        |what: String| Error::file(path, what, "the checkpoint is of another model or method");
    let mut file = fs_err::File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let n_header = u64::from_le_bytes(length);
    let n_bytes = file.metadata()?.len();
    if MAX_HEADER.min(n_bytes.saturating_sub(8)) < n_header {
        return Err(wrong("has a header that is too long".to_owned()));
    }
    let mut header = vec![0; n_header as usize];
    file.read_exact(&mut header)?;
    let header: BTreeMap<String, Entry> = serde_json::from_slice(&header)
        .map_err(|cause| wrong(format!("has a header that cannot be read: {cause}")))?;
    if header.len() != wanted.len() {
        let (found, expected) = (header.len(), wanted.len());
        return Err(wrong(format!("holds {found} parameters, but the model has {expected}")));
    }
    let mut vectors = Vec::new();
    for (name, shape) in wanted {
        let entry = header.get(*name).ok_or_else(|| wrong(format!("does not hold `{name}`")))?;
        if entry.shape != *shape {
            let found = &entry.shape;
            return Err(wrong(format!("holds `{name}` of shape {found:?}, not {shape:?}")));
        }
        let n_values: usize = shape.iter().product();
        let [start, end] = entry.data_offsets;
        if entry.dtype != "F32" || end.checked_sub(start) != Some(n_values as u64 * 4) {
            return Err(wrong(format!("holds `{name}` in another number format")));
        }
        let mut bytes = vec![0; n_values * 4];
        file.seek(io::SeekFrom::Start(8 + n_header + start))?;
        file.read_exact(&mut bytes)
            .map_err(|cause| wrong(format!("ends within `{name}`: {cause}")))?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|it| f32::from_le_bytes(*it)).collect();
        vectors.push(Tensor::from_data(TensorData::new(numbers, [n_values]), device));
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_bit_by_bit_and_other_readers_understand_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parameters.safetensors");
        let device = Device::flex();
        let (a, b) = ([1.0_f32, -0.0, f32::MIN_POSITIVE / 2.0, f32::MAX], [0.1_f32; 6]);
        let (first, second) = (Tensor::from_data(a, &device), Tensor::from_data(b, &device));
        // Not in alphabetical order, as layers 2 and 10 are not.
        let vectors = [("z.weight", &[4][..], &first), ("a.weight", &[2, 3][..], &second)];
        let sealed = write(&path, vectors.into_iter()).unwrap();
        assert_eq!(damage(&path, &sealed).unwrap(), None);
        let wanted = [("z.weight", &[4][..]), ("a.weight", &[2, 3][..])];
        let found = read(&path, &wanted, &device).unwrap();
        let bits = |it: &[f32]| it.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found[0].try_to_vec_as::<f32>().unwrap()), bits(&a));
        assert_eq!(bits(&found[1].try_to_vec_as::<f32>().unwrap()), bits(&b));

        let bytes = fs_err::read(&path).unwrap();
        let other = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let view = other.tensor("a.weight").unwrap();
        assert_eq!(view.shape(), [2, 3]);
        assert_eq!(view.data(), b.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>());

        for (wanted, word) in [
            (&[("z.weight", &[4][..])][..], "2 parameters"),
            (&[("z.weight", &[4][..]), ("b.weight", &[6][..])][..], "`b.weight`"),
            (&[("z.weight", &[4][..]), ("a.weight", &[3, 2][..])][..], "[2, 3]"),
        ] {
            let error = read(&path, wanted, &device).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.safetensors");
        let vector = Tensor::from_data([1.0_f32, 2.0], &Device::flex());
        let sealed = write(&path, [("w", &[2][..], &vector)].into_iter()).unwrap();
        let bytes = fs_err::read(&path).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 4;
            fs_err::write(&path, &changed).unwrap();
            assert!(damage(&path, &sealed).unwrap().unwrap().contains("hash"), "{place}");
            fs_err::write(&path, &bytes[..place]).unwrap();
            assert!(damage(&path, &sealed).unwrap().unwrap().contains("bytes"), "{place}");
        }
        fs_err::remove_file(&path).unwrap();
        assert_eq!(damage(&path, &sealed).unwrap().unwrap(), "is missing");
    }

    #[test]
    fn numbers_that_are_not_finite_are_not_saved() {
        let dir = tempfile::tempdir().unwrap();
        let vector = Tensor::from_data([1.0_f32, f32::NAN], &Device::flex());
        let vectors = [("w", &[2][..], &vector)].into_iter();
        let error = write(&dir.path().join("x"), vectors).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "w");
    }
}
