package matrix

// scenarios is the matrix. The names are those of subtests: go test ./test/matrix -run 'TestMatrix/kill-server'.
var scenarios = []scenario{
	{name: "kill-server", storage: postgresAndFiles, fault: killServer, short: 4},
	{name: "kill-server-s3", storage: ownPostgresAndS3, fault: killServer, short: 4},
	{name: "kill-server-embedded", storage: embeddedOnly, fault: killServer, short: 4},
	{name: "kill-server-embedded-s3", storage: embeddedAndS3, fault: killServer, short: 4},
	{name: "end-server", storage: ownPostgresAndS3, fault: endServer, short: 3},
	{name: "kill-postgres", storage: ownPostgresAndS3, fault: killPostgres, short: 4},
	{name: "kill-s3", storage: ownPostgresAndS3, fault: killBucket, short: 4},
	{name: "kill-any", storage: ownPostgresAndS3, fault: killAny, short: 5},
	{name: "pause-server", storage: ownPostgresAndS3, fault: pauseServer, short: 2},
	{name: "pause-postgres", storage: ownPostgresAndS3, fault: pausePostgres, short: 2},
	{name: "pause-s3", storage: ownPostgresAndS3, fault: pauseBucket, short: 2},
	{name: "s3-refuses", storage: postgresAndProxied, fault: bucketRefuses, short: 3},
	{name: "s3-errors", storage: postgresAndProxied, fault: bucketErrors, short: 3},
	{name: "s3-slow", storage: postgresAndProxied, fault: bucketTrickles, short: 2},
	{name: "s3-truncates", storage: postgresAndProxied, fault: bucketTruncates, short: 4},
	{name: "s3-loses-answers", storage: postgresAndProxied, fault: bucketLosesAnswers, short: 4},
	{name: "s3-hangs", storage: postgresAndProxied, fault: bucketHangs, short: 1, pause: 400},
	{name: "s3-truncates-embedded", storage: embeddedAndProxied, fault: bucketTruncates, short: 3},
	{name: "postgres-cuts", storage: linkedPostgresAndS3, fault: linkCuts, short: 4},
	{name: "postgres-cuts-commits", storage: linkedPostgresAndS3, fault: linkCutsCommits, short: 4},
	{name: "postgres-black-hole", storage: linkedPostgresAndS3, fault: linkFreezes, short: 1, pause: 200},
	{name: "client-cuts", storage: postgresAndFiles, fault: clientCuts, short: 4, setUp: linkClients},
	{name: "client-cuts-embedded", storage: embeddedOnly, fault: clientCuts, short: 3, setUp: linkClients},
	{name: "two-hosts", storage: linkedPostgresAndS3, hosts: 2, fault: twoHosts, short: 3, retry: 150,
		run: func(w *world, rounds int) {
			w.fencedRounds(rounds, twoHosts)
			w.oneLeft()
		}},
	{name: "take-over", storage: linkedPostgresAndS3, hosts: 2, fault: takeOver, short: 3, retry: 100,
		run: func(w *world, rounds int) { w.fencedRounds(rounds, takeOver) }},
	{name: "slow-postgres", storage: linkedPostgresAndS3, short: 2, flags: pressureFlags, run: slowStorage,
		fault: fault{what: "Postgres behind 50 kB/s, or 300 ms away: writers are faster than storage"}},
	{name: "postgres-down", storage: ownPostgresAndS3, short: 2, flags: pressureFlags, run: storageDown,
		fault: fault{what: "Postgres down until the server takes no more"}},
	{name: "postgres-clock", storage: ownPostgresAndS3, fault: postgresClock, short: 4, setUp: fakePostgresClock},
	{name: "server-clock", storage: postgresAndProxied, fault: serverClock, setUp: noticeSkew, run: skewedRounds},
	{name: "server-clock-embedded", storage: embeddedOnly, fault: serverClock, setUp: fakeServerClock},
}
