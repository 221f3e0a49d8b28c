//! What an operator has beside the roles: health checks, the doctor, services of the system, and a pool
//! that fits its container.

mod doctor;
mod health;
mod log;
mod memory;
mod notify;
mod service;
