//! The gateway: in front of real workers ([`cluster`], [`streams`]), and of workers that the tests play, to see
//! what goes over the wire ([`heads`]) and what is sent again ([`again`]).

mod again;
mod cluster;
mod heads;
mod streams;
