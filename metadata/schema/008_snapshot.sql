-- SPDX-License-Identifier: Apache-2.0
--
-- Snapshots, and the copies that are being made: of a volume for a snapshot, of either
-- for a new volume. A copy's row is there from before its first directory until nothing
-- of it is left outside of what it was made for.

create table snapshot (
  id text not null primary key,
  namespace text not null,
  name text not null,
  volume text not null,
  handle text not null,
  state text not null check (state in ('copying', 'ready', 'removing')),
  created_ns integer not null,
  capacity integer not null,
  files integer not null default 0,
  bytes integer not null default 0,
  detail text not null check (json_valid(detail)),
  server text as (json_extract(detail, '$.server')),
  share text as (json_extract(detail, '$.share')),
  claim_namespace text as (json_extract(detail, '$.claimNamespace')),
  claim text as (json_extract(detail, '$.claimName'))
) strict;
-- A name is free as soon as what had it is no snapshot any more.
create unique index snapshot_by_name on snapshot (namespace, name)
  where state <> 'removing';
create index snapshot_by_handle on snapshot (handle);

create table copy (
  name text not null primary key,
  is_snapshot integer not null,
  state text not null check (state in
    ('running', 'stopped', 'whole', 'dropping')),
  volume text not null,
  snapshot text,
  source text not null check (json_valid(source)),
  target text not null check (json_valid(target)),
  files integer not null default 0,
  bytes integer not null default 0,
  total_files integer,
  total_bytes integer,
  code integer not null default 0,
  error text
) strict;
create index copy_by_volume on copy (volume);
create index copy_by_snapshot on copy (snapshot) where snapshot is not null;
