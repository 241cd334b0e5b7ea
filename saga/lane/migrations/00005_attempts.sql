-- +goose Up
-- What is handled alone, since owners died, and how many have tried; and deaths are those of owners that died before they got on. A
-- wish that is being granted is noted here, too.
alter table lanes drop attempt, add attempts jsonb not null default '{}';
alter table wishes drop trier;
