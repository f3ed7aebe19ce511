-- SPDX-License-Identifier: Apache-2.0
--
-- CSI knows volumes by their handles, and a class that was made for them goes with the
-- last claim of it.

create index volume_by_handle on volume (handle);
create index claim_by_class on claim (class);
create index claim_by_attributes on claim
  (json_extract(object, '$.spec.volumeAttributesClassName'))
  where json_extract(object, '$.spec.volumeAttributesClassName') is not null;
