"""Container: most changes are a replacement, some an update in place, some a change of the state only.

In the order of the official plugin's documentation, by theme. Inputs without a route are used by lifecycle/container.
"""

from tools.standins.docker_plugin.refusals import below, no_duration, pattern
from tools.standins.docker_plugin.routes import CPUS, MEBIBYTES, NAME, SWAP, at, reader, to
from tools.standins.docker_plugin.schema import Effect, Field, Kind, Output, ResourceType, Route
from tools.standins.docker_plugin.tables import container_files, container_network, container_resources
from tools.standins.docker_plugin.tables.labels import LABEL, LABELS

_STATE, _IN_PLACE = Effect.STATE, Effect.IN_PLACE


def _duration(name: str) -> Field:
    return Field(name, Kind.STRING, _STATE, default="0s", refusal=no_duration)


PROCESS = (
    Field("name", route=Route(read=reader("Name", NAME)), required=True),
    Field("image", route=at("Config.Image"), required=True),
    Field("command", Kind.LIST, route=at("Config.Cmd"), computed=True),
    Field("entrypoints", Kind.LIST, route=at("Config.Entrypoint"), computed=True),
    Field("envs", Kind.SET, route=to("Config.Env"), computed=True),
    Field("labels", Kind.BLOCK_SET, route=Route(at("Config.Labels", LABELS).write), computed=True, fields=LABEL),
    Field("user", route=at("Config.User"), blank_is_absent=True),
    Field("workingDir", route=at("Config.WorkingDir"), blank_is_absent=True),
    Field("tty", Kind.BOOL, route=at("Config.Tty"), initial=False),
    Field("stdinOpen", Kind.BOOL, route=at("Config.OpenStdin"), initial=False),
    Field("init", Kind.BOOL, _STATE, at("HostConfig.Init", default=False), computed=True),
    Field("stopSignal", route=at("Config.StopSignal", default=""), computed=True),
    Field("stopTimeout", Kind.INT, route=at("Config.StopTimeout", default=0), computed=True),
    Field("platform", route=Route(read=reader("Platform")), computed=True),
    Field("runtime", route=at("HostConfig.Runtime"), computed=True),
    Field(
        "healthcheck",
        Kind.BLOCK,
        _STATE,
        container_resources.HEALTHCHECK,
        computed=True,
        fields=(
            Field("tests", Kind.LIST, _STATE, required=True),
            _duration("interval"),
            _duration("timeout"),
            _duration("startPeriod"),
            _duration("startInterval"),
            Field("retries", Kind.INT, _STATE, initial=0, refusal=below(0)),
        ),
    ),
)

LIFECYCLE = (
    Field("start", Kind.BOOL, _STATE, default=True),
    # A container that should run and does not: the state says false, so that the next update starts it.
    Field("mustRun", Kind.BOOL, _STATE, container_resources.MUST_RUN, default=True),
    Field("wait", Kind.BOOL, _STATE, initial=False),
    Field("waitTimeout", Kind.INT, _STATE, default=60),
    Field("attach", Kind.BOOL, _STATE, initial=False),
    Field("logs", Kind.BOOL, _STATE, initial=False),
    Field("rm", Kind.BOOL, _STATE, at("HostConfig.AutoRemove"), initial=False),
    Field("removeVolumes", Kind.BOOL, _STATE, default=True),
    Field("destroyGraceSeconds", Kind.INT, _STATE),
    Field("containerReadRefreshTimeoutMilliseconds", Kind.INT, _STATE, default=15000),
    Field(
        "restart",
        Kind.STRING,
        _IN_PLACE,
        at("HostConfig.RestartPolicy.Name"),
        default="no",
        refusal=pattern("^(no|on-failure|always|unless-stopped)$"),
    ),
    Field("maxRetryCount", Kind.INT, _IN_PLACE, at("HostConfig.RestartPolicy.MaximumRetryCount", default=0)),
    Field("logDriver", route=at("HostConfig.LogConfig.Type"), computed=True),
    Field("logOpts", Kind.MAP, route=at("HostConfig.LogConfig.Config")),
)

LIMITS = (
    Field("memory", Kind.INT, _IN_PLACE, at("HostConfig.Memory", MEBIBYTES), refusal=below(0)),
    Field("memorySwap", Kind.INT, _IN_PLACE, at("HostConfig.MemorySwap", SWAP), refusal=below(-1)),
    Field("memoryReservation", Kind.INT, _IN_PLACE, at("HostConfig.MemoryReservation", MEBIBYTES), initial=0),
    Field("shmSize", Kind.INT, route=at("HostConfig.ShmSize", MEBIBYTES), computed=True, refusal=below(0)),
    Field("cpus", route=at("HostConfig.NanoCpus", CPUS)),
    Field("cpuShares", Kind.INT, _IN_PLACE, at("HostConfig.CpuShares"), refusal=below(0)),
    Field("cpuSet", Kind.STRING, _IN_PLACE, at("HostConfig.CpusetCpus"), refusal=pattern(r"^\d+([,-]\d+)*$")),
    Field("cpuPeriod", Kind.INT, _STATE, to("HostConfig.CpuPeriod"), refusal=below(0)),
    Field("cpuQuota", Kind.INT, _STATE, to("HostConfig.CpuQuota"), refusal=below(0)),
    Field(
        "ulimits",
        Kind.BLOCK_SET,
        route=at("HostConfig.Ulimits", container_resources.ULIMITS),
        fields=(Field("name"), Field("soft", Kind.INT), Field("hard", Kind.INT)),
    ),
    Field("gpus", route=container_resources.GPUS, refusal=container_resources.no_gpus),
    Field(
        "deviceRequests",
        Kind.BLOCK_SET,
        route=container_resources.DEVICE_REQUESTS,
        fields=(
            Field("capabilities", Kind.SET),
            Field("count", Kind.INT),
            Field("deviceIds", Kind.SET),
            Field("driver"),
            Field("options", Kind.MAP),
        ),
    ),
    Field(
        "devices",
        Kind.BLOCK_SET,
        route=at("HostConfig.Devices", container_resources.DEVICES),
        fields=(
            Field("hostPath", required=True),
            Field("containerPath", only_if_given=True),
            Field("permissions", default="rwm"),
        ),
    ),
    Field("deviceReadBps", Kind.BLOCK_SET, supported=False),
    Field("deviceReadIops", Kind.BLOCK_SET, supported=False),
    Field("deviceWriteBps", Kind.BLOCK_SET, supported=False),
    Field("deviceWriteIops", Kind.BLOCK_SET, supported=False),
)

SECURITY = (
    Field(
        "capabilities",
        Kind.BLOCK,
        route=container_resources.CAPABILITIES,
        sticky=True,
        fields=(Field("adds", Kind.SET), Field("drops", Kind.SET)),
    ),
    Field("securityOpts", Kind.SET, route=at("HostConfig.SecurityOpt"), computed=True),
    Field("groupAdds", Kind.SET, route=at("HostConfig.GroupAdd")),
    Field("sysctls", Kind.MAP, route=at("HostConfig.Sysctls")),
    Field("privileged", Kind.BOOL, route=at("HostConfig.Privileged")),
    Field("readOnly", Kind.BOOL, route=at("HostConfig.ReadonlyRootfs"), initial=False),
    Field("ipcMode", route=at("HostConfig.IpcMode"), computed=True),
    Field("pidMode", route=to("HostConfig.PidMode")),
    Field("usernsMode", route=at("HostConfig.UsernsMode")),
    Field("cgroupnsMode", route=to("HostConfig.CgroupnsMode")),
    Field("cgroupParent", supported=False),
)

OUTPUTS = (
    Output("bridge", reader("NetworkSettings.Bridge", default="")),
    Output("containerLogs", container_resources.logs),
    Output("exitCode", container_resources.exit_code),
    Output("networkDatas", container_network.network_datas, tracked=True),
)

CONTAINER = ResourceType(
    token="docker:index/container:Container",
    fields=PROCESS + LIFECYCLE + LIMITS + SECURITY + container_network.FIELDS + container_files.FIELDS,
    outputs=OUTPUTS,
    always_delete_first=True,
)
