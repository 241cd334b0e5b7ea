-- +goose Up
-- When the broker appended a parked event: handled again, it has the time that it had.
alter table parked add appended_at timestamptz;
update parked set appended_at = parked_at;
alter table parked alter appended_at set default now(), alter appended_at set not null;
