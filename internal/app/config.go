package app

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// Config is every setting of a Symphony server. A field's name tag is its name in a file, from which its environment
// variable and flag follow (see Setting); its alias tag is a shorter flag, if it has one; its doc tag is what people read about it.
type Config struct {
	Addr    string   `name:"addr" doc:"address to listen on, host:port; port 0 takes a free one"`
	Data    string   `name:"data" doc:"directory of the embedded store; it is created if it does not exist"`
	Origins []string `name:"origins" doc:"web origins whose pages may connect, such as https://app.example.com or https://*.example.com, or * for all; always allowed are the server's own and, in development, those of localhost"`

	Storage Storage `name:"storage"`
	History History `name:"history"`
	Admin   Admin   `name:"admin"`
	Cluster Cluster `name:"cluster"`

	Limits   Limits   `name:"limits"`
	Room     Room     `name:"room"`
	Journal  Journal  `name:"journal"`
	Ping     Ping     `name:"ping"`
	Log      Log      `name:"log"`
	Shutdown Shutdown `name:"shutdown"`
}

// Limits bound what clients can make the server hold and do.
type Limits struct {
	Document    Bytes `name:"document" doc:"most memory that one room's document may take; updates that add to it are refused"`
	Message     Bytes `name:"message" doc:"largest message that a client may send"`
	MessageRate int   `name:"message_rate" doc:"most messages per second that are read from one client; what it sends faster waits"`
	Queue       Bytes `name:"queue" doc:"most that may wait for a client that reads slower than its room writes, before it is cut off"`
	Connections int   `name:"connections" doc:"most connections at a time on this server"`
	RoomMembers int   `name:"room_members" doc:"most connections at a time in one room"`
	Rooms       int   `name:"rooms" doc:"most rooms open at a time on this server"`
	Backlog     Bytes `name:"backlog" doc:"most updates of one room that may wait for failing storage before its writers are cut off"`
	Waiting     Bytes `name:"waiting" doc:"most updates of all rooms together that may wait for failing storage before writers are cut off"`
}

// Storage says where rooms are kept.
type Storage struct {
	Catalog   string `name:"catalog" doc:"database of rooms and journal: postgres://user:password@host:5432/database, or empty for the embedded one in the data directory"`
	Snapshots string `name:"snapshots" doc:"place of snapshots: s3://bucket/prefix, gs://bucket/prefix, azblob://container/prefix or file:///directory, or empty for the data directory; docs/storage.md has the parameters"`
	Migrate   bool   `name:"migrate" doc:"bring the schema of a Postgres database up to date at the start; with false that is left to symphony migrate"`
}

// History says what is kept of rooms besides their newest state, and for how long.
type History struct {
	Every    time.Duration `name:"every" doc:"how often a room that is edited is kept as an automatic version"`
	Versions int           `name:"versions" doc:"how many automatic versions without a label a room keeps"`
	Age      time.Duration `name:"age" doc:"how long automatic versions without a label are kept"`
	Deleted  time.Duration `name:"deleted" doc:"how long a deleted room can be restored before it is erased"`
	Visits   time.Duration `name:"visits" doc:"how long it is kept who was connected when"`
}

// Admin says who may manage rooms.
type Admin struct {
	Token string `name:"token" doc:"what requests to the management API have to bring as Authorization: Bearer; empty: on a loopback address none, elsewhere rooms can only be read"`
}

// Cluster says how this process serves rooms together with others.
type Cluster struct {
	Isolation  string        `name:"isolation" alias:"isolation" doc:"symphony serve: none (this process serves all rooms) or process (a process for each cluster.capacity rooms)"`
	Registry   string        `name:"registry" doc:"where hosts and proxies find each other: etcd://host:2379,host:2379/prefix (etcds:// with TLS); symphony room and symphony proxy need it"`
	CA         string        `name:"ca" doc:"etcds://: file with the certificates (PEM) of the authorities that etcd's is signed by; empty: those of the system"`
	Cert       string        `name:"cert" doc:"etcds://: file with this process's certificate (PEM), if etcd asks for one"`
	Key        string        `name:"key" doc:"etcds://: file with the key of cluster.cert (PEM)"`
	ID         string        `name:"id" doc:"what this host is called in the registry, for each of its starts another; empty: it makes one up"`
	Capacity   int           `name:"capacity" doc:"most rooms of a host; with 1 it ends when its room has closed"`
	Advertise  string        `name:"advertise" doc:"address at which proxies reach this host, host:port; empty: that of addr, with this machine's own address if addr is for all"`
	Zone       string        `name:"zone" doc:"what fails together with this host, such as a rack or an availability zone; rooms are spread over zones"`
	Lease      time.Duration `name:"lease" doc:"how long a host may be silent before its rooms are given to others"`
	Deployment string        `name:"deployment" doc:"Kubernetes: namespace/name of the Deployment of hosts, which proxies scale"`
	Free       int           `name:"free" doc:"least number of hosts that wait ready for rooms"`
	FreeMost   int           `name:"free_most" doc:"most hosts that wait ready for rooms, however many are opened"`
	Hosts      int           `name:"hosts" doc:"most hosts at a time"`
	Memory     Bytes         `name:"memory" doc:"most memory of a process that cluster.isolation starts, where control groups may be used"`
	Processors float64       `name:"processors" doc:"most processors of a process that cluster.isolation starts, where control groups may be used; 0 for no limit"`
}

// Values of Cluster.Isolation.
const (
	IsolationNone    = "none"
	IsolationProcess = "process"
)

// Room says how long rooms live in memory.
type Room struct {
	Grace    time.Duration `name:"grace" doc:"how long a room stays open after its last member left"`
	Snapshot time.Duration `name:"snapshot" doc:"how often the document of a room that changes is stored as a whole"`
}

// Journal says how updates become durable.
type Journal struct {
	Window time.Duration `name:"window" doc:"how long the first update waits for others to share its commit"`
}

// Ping says how dead connections are found.
type Ping struct {
	Interval time.Duration `name:"interval" doc:"silence of a client after which it is pinged; after four times as long it is cut off"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `name:"level" doc:"least level that is logged: debug, info, warn or error"`
	Format string `name:"format" doc:"auto (coloured on a terminal, text elsewhere), text or json"`
}

// Shutdown says how the server ends.
type Shutdown struct {
	Grace time.Duration `name:"grace" doc:"how long SIGTERM may take to disconnect members and store everything"`
}

// Default is the configuration without any file, environment or flag.
func Default() Config {
	return Config{
		Addr:    "127.0.0.1:8080",
		Data:    "./symphony-data",
		Origins: nil,
		Limits: Limits{
			Document:    512 << 20,
			Message:     64 << 20,
			MessageRate: 10_000,
			Queue:       4 << 20,
			Connections: 50_000,
			RoomMembers: 1_000,
			Rooms:       100_000,
			Backlog:     64 << 20,
			Waiting:     256 << 20,
		},
		Cluster: Cluster{
			Isolation: IsolationNone, Capacity: 1, Lease: 5 * time.Second, Free: 2, FreeMost: 50, Hosts: 10_000, Memory: 2 << 30,
		},
		Storage:  Storage{Migrate: true},
		History:  History{Every: 10 * time.Minute, Versions: 100, Age: 90 * day, Deleted: 30 * day, Visits: 30 * day},
		Room:     Room{Grace: 30 * time.Second, Snapshot: 30 * time.Second},
		Journal:  Journal{Window: 5 * time.Millisecond},
		Ping:     Ping{Interval: 30 * time.Second},
		Log:      Log{Level: "info", Format: telemetry.FormatAuto},
		Shutdown: Shutdown{Grace: 25 * time.Second},
	}
}

const day = 24 * time.Hour
