/** Every fault of the network once more, with a runner that polls; the outcomes are the same. */
import "./over-polling.ts";
import "./network-faults.test.ts";
