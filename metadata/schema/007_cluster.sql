-- SPDX-License-Identifier: Apache-2.0
--
-- What a cluster has besides, as its API server told it last. attachment, in contrast,
-- is what our own pods' workers have.

create table volume_attachment (
  name text not null primary key,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  attacher text as (json_extract(object, '$.spec.attacher')),
  node text as (json_extract(object, '$.spec.nodeName')),
  volume text as (json_extract(object, '$.spec.source.persistentVolumeName')),
  attached text as (json_extract(object, '$.status.attached')),
  deleted text as (json_extract(object, '$.metadata.deletionTimestamp'))
) strict;
create index volume_attachment_of_volume on volume_attachment (volume);

create table attributes_class (
  name text not null primary key,
  uid text not null unique,
  revision integer not null,
  object text not null check (json_valid(object)),
  driver text as (json_extract(object, '$.driverName'))
) strict;
