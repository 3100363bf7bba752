//! How messages become bytes: as everywhere, in smaller buffers.
//!
//! A call has a buffer for each direction, and a stream of changes keeps its own for as long as
//! somebody watches. Ours are as long as most of our messages; a longer one makes them grow. Named
//! by the generated code alone.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// How long a buffer is at first, in bytes; tonic's own is eight times as long.
const BUFFER: usize = 1024;
/// At how many bytes what is encoded is passed on; tonic's own number.
const YIELD: usize = 32 * 1024;

/// Protocol buffers, for many calls that say little.
#[derive(Debug, Clone)]
pub(super) struct SmallCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for SmallCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::new(BUFFER, YIELD))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(BufferSettings::new(BUFFER, YIELD))
    }
}
