-- SPDX-License-Identifier: Apache-2.0
--
-- What lies in the trash of a share, and what became of it so far. The volume that
-- it was is in object, for who wants it back.
create table trash (
  volume text not null primary key,
  state text not null check (state in
    ('kept', 'removing', 'stopped', 'restoring')),
  trashed integer not null,
  expires integer not null,
  files integer,
  bytes integer,
  files_removed integer not null default 0,
  bytes_removed integer not null default 0,
  error text,
  detail text not null check (json_valid(detail)),
  object text check (object is null or json_valid(object)),
  server text as (json_extract(detail, '$.server')),
  share text as (json_extract(detail, '$.share')),
  directory text as (json_extract(detail, '$.path')),
  claim_namespace text as (json_extract(detail, '$.claimNamespace')),
  claim text as (json_extract(detail, '$.claimName'))
) strict;
