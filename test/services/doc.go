// Package services starts the servers that tests need, as real processes: PostgreSQL, etcd, S3, Google Cloud Storage
// and Azure Blob Storage. Each has a port and a directory of its own, can be killed and started again on both, and is
// gone when the test ends. `scripts/setup.sh postgres etcd s3 gcs azure` installs the programs.
package services
