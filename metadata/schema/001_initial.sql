-- SPDX-License-Identifier: Apache-2.0
--
-- The object column is the truth: the JSON as the API serves it. The columns
-- behind it are read from it by SQLite, so that they can't disagree with it:
--
--   sqlite3 claimfs.db 'select namespace, name, phase, class, volume from claim'

-- Raised by every write; the value is the written object's resourceVersion.
create table revision (
  only_row integer primary key check (only_row = 1),
  value integer not null
) strict;
insert into revision (only_row, value) values (1, 1);

create table class (
  name text not null primary key,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  provisioner text as (json_extract(object, '$.provisioner')),
  reclaim text as (json_extract(object, '$.reclaimPolicy')),
  binding text as (json_extract(object, '$.volumeBindingMode')),
  server text as (json_extract(object, '$.parameters.server')),
  share text as (json_extract(object, '$.parameters.share')),
  is_default text as (json_extract(object,
    '$.metadata.annotations."storageclass.kubernetes.io/is-default-class"')),
  created text as (json_extract(object, '$.metadata.creationTimestamp'))
) strict;

create table volume (
  name text not null primary key,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  phase text as (json_extract(object, '$.status.phase')),
  capacity text as (json_extract(object, '$.spec.capacity.storage')),
  access_modes text as (json_extract(object, '$.spec.accessModes')),
  reclaim text as (json_extract(object, '$.spec.persistentVolumeReclaimPolicy')),
  class text as (json_extract(object, '$.spec.storageClassName')),
  claim_namespace text as (json_extract(object, '$.spec.claimRef.namespace')),
  claim text as (json_extract(object, '$.spec.claimRef.name')),
  claim_uid text as (json_extract(object, '$.spec.claimRef.uid')),
  driver text as (json_extract(object, '$.spec.csi.driver')),
  handle text as (json_extract(object, '$.spec.csi.volumeHandle')),
  created text as (json_extract(object, '$.metadata.creationTimestamp')),
  deleted text as (json_extract(object, '$.metadata.deletionTimestamp'))
) strict;

create table claim (
  namespace text not null,
  name text not null,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  phase text as (json_extract(object, '$.status.phase')),
  class text as (json_extract(object, '$.spec.storageClassName')),
  volume text as (json_extract(object, '$.spec.volumeName')),
  request text as (json_extract(object, '$.spec.resources.requests.storage')),
  capacity text as (json_extract(object, '$.status.capacity.storage')),
  access_modes text as (json_extract(object, '$.spec.accessModes')),
  created text as (json_extract(object, '$.metadata.creationTimestamp')),
  deleted text as (json_extract(object, '$.metadata.deletionTimestamp')),
  primary key (namespace, name)
) strict;

create table pod (
  namespace text not null,
  name text not null,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  phase text as (json_extract(object, '$.status.phase')),
  node text as (json_extract(object, '$.spec.nodeName')),
  created text as (json_extract(object, '$.metadata.creationTimestamp')),
  deleted text as (json_extract(object, '$.metadata.deletionTimestamp')),
  primary key (namespace, name)
) strict;

create table event (
  namespace text not null,
  name text not null,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  written integer not null default (unixepoch()),
  about text as (json_extract(object, '$.involvedObject.kind') || ' ' ||
    json_extract(object, '$.involvedObject.name')),
  type text as (json_extract(object, '$.type')),
  reason text as (json_extract(object, '$.reason')),
  message text as (json_extract(object, '$.message')),
  count integer as (json_extract(object, '$.count')),
  primary key (namespace, name)
) strict;
create index event_by_age on event (written);
create trigger event_written after update of object on event
begin
  update event set written = unixepoch() where rowid = new.rowid;
end;

-- A claim and the volume that both name each other, by uid on the volume's side.
create view binding as
  select claim.namespace, claim.name as claim, claim.uid as claim_uid,
    volume.name as volume, volume.uid as volume_uid
  from claim join volume
    on volume.name = claim.volume and volume.claim_uid = claim.uid;

-- What is, or was, done outside the database; outcome is null while it is open.
create table intent (
  id integer primary key autoincrement,
  step text not null,
  volume text not null,
  detail text not null check (json_valid(detail)),
  opened text not null default (datetime('now')),
  closed text,
  outcome text
) strict;
create index intent_open on intent (id) where outcome is null;
