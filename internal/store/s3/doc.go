// Package s3 keeps snapshot objects in a bucket of Amazon S3 or of one of the many servers that speak its protocol.
//
// What it asks of a server is little: PUT of a whole object, GET, ListObjectsV2 and DELETE, signed with version 4. Each
// upload's SHA-256 is part of its signature, so every server checks it. Servers differ in two more things, which are used
// until a server answers that it has not implemented them (501): a CRC-32C in a header, which the server stores and
// gives back with downloads, and If-None-Match, which makes PUT create-only.
package s3
