// Package gcs keeps snapshot objects in a bucket of Google Cloud Storage, by its JSON API
// (https://cloud.google.com/storage/docs/json_api/v1). The four requests that are needed are plain HTTP; Google's own
// client library would be many times as large as this server.
package gcs
