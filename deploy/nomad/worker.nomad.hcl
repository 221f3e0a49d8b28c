# Workers: in containers on Linux clients, and as a plain program on Windows clients, where it has to be
# installed. The join token is a Nomad variable at nomad/jobs/steading-worker. Not tried: there was no Nomad
# to try it on.

job "steading-worker" {
  type = "service"

  update {
    max_parallel     = 1
    min_healthy_time = "10s"
    healthy_deadline = "5m"
    auto_revert      = true
  }

  group "linux" {
    count = 2

    constraint {
      attribute = "${attr.kernel.name}"
      value     = "linux"
    }

    # identity and compiled code stay with the client, for as long as the worker does
    ephemeral_disk {
      size    = 4096
      migrate = false
      sticky  = true
    }

    network {
      port "http" {
        to = 7071
      }
      port "control" {
        to = 7072
      }
    }

    service {
      name     = "steading-worker"
      port     = "control"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/ready"
        interval = "5s"
        timeout  = "3s"
      }
    }

    task "worker" {
      driver = "docker"
      # longer than `server.drain_ms_max`, which is 30 s
      kill_timeout = "45s"

      config {
        image = "registry.example.org/steading:0.1.0"
        args = [
          "worker",
          "--name", "${NOMAD_ALLOC_NAME}",
          "--url", "http://${NOMAD_ADDR_http}",
          "--control", "0.0.0.0:7072",
          "--state-dir", "${NOMAD_TASK_DIR}/worker",
        ]
        ports           = ["http", "control"]
        cap_drop        = ["all"]
        readonly_rootfs = true
        security_opt    = ["no-new-privileges"]
      }

      env {
        STEADING_JOIN_TOKEN_FILE = "${NOMAD_SECRETS_DIR}/join-token"
        STEADING_LOG_FORMAT      = "json"
      }

      template {
        destination = "secrets/join-token"
        data        = "{{ with nomadVar \"nomad/jobs/steading-worker\" }}{{ .join_token }}{{ end }}"
        uid         = 65532
        perms       = "0400"
      }

      template {
        destination = "local/manager.env"
        data        = "{{ range nomadService 1 (env \"NOMAD_ALLOC_ID\") \"steading-manager\" }}STEADING_MANAGER=http://{{ .Address }}:{{ .Port }}{{ end }}"
        env         = true
      }

      resources {
        cpu    = 1000
        memory = 2048
      }
    }
  }

  group "windows" {
    count = 2

    constraint {
      attribute = "${attr.kernel.name}"
      value     = "windows"
    }

    ephemeral_disk {
      size    = 4096
      migrate = false
      sticky  = true
    }

    network {
      port "http" {}
      port "control" {}
    }

    service {
      name     = "steading-worker"
      port     = "control"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/ready"
        interval = "5s"
        timeout  = "3s"
      }
    }

    task "worker" {
      driver = "raw_exec"
      # Nomad sends Ctrl-Break on Windows; a function's deadline is what is in flight for longest
      kill_timeout = "45s"

      config {
        command = "C:\\Program Files\\Steading\\steading.exe"
        args = [
          "worker",
          "--name", "${NOMAD_ALLOC_NAME}",
          "--listen", "${NOMAD_IP_http}:${NOMAD_PORT_http}",
          "--control", "${NOMAD_IP_control}:${NOMAD_PORT_control}",
          "--state-dir", "${NOMAD_TASK_DIR}/worker",
        ]
      }

      env {
        STEADING_JOIN_TOKEN_FILE = "${NOMAD_SECRETS_DIR}/join-token"
        STEADING_LOG_FORMAT      = "json"
      }

      template {
        destination = "secrets/join-token"
        data        = "{{ with nomadVar \"nomad/jobs/steading-worker\" }}{{ .join_token }}{{ end }}"
      }

      template {
        destination = "local/manager.env"
        data        = "{{ range nomadService 1 (env \"NOMAD_ALLOC_ID\") \"steading-manager\" }}STEADING_MANAGER=http://{{ .Address }}:{{ .Port }}{{ end }}"
        env         = true
      }

      resources {
        cpu    = 1000
        memory = 2048
      }
    }
  }
}
