# Two managers on one SQL Server. Secrets are Nomad variables at nomad/jobs/steading-manager, as
# docs/deploy.md makes them. Not tried: there was no Nomad to try it on.

job "steading-manager" {
  type = "service"

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  update {
    max_parallel     = 1
    min_healthy_time = "10s"
    healthy_deadline = "3m"
    auto_revert      = true
  }

  group "manager" {
    count = 2

    constraint {
      operator = "distinct_hosts"
      value    = "true"
    }

    network {
      port "http" {
        static = 7070
      }
    }

    service {
      name     = "steading-manager"
      port     = "http"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/ready"
        interval = "10s"
        timeout  = "3s"
      }
    }

    task "manager" {
      driver       = "docker"
      kill_timeout = "20s"

      config {
        image           = "registry.example.org/steading:0.1.0"
        args            = ["manager", "--listen", "0.0.0.0:7070", "--store", "sqlserver:"]
        ports           = ["http"]
        cap_drop        = ["all"]
        readonly_rootfs = true
        security_opt    = ["no-new-privileges"]

        mount {
          type   = "volume"
          source = "steading-manager"
          target = "/var/lib/steading"
        }
      }

      env {
        STEADING_ADMIN_PASSWORD_FILE   = "${NOMAD_SECRETS_DIR}/admin-password"
        STEADING_JOIN_TOKEN_FILE       = "${NOMAD_SECRETS_DIR}/join-token"
        STEADING_STORE_CONNECTION_FILE = "${NOMAD_SECRETS_DIR}/store-connection"
        STEADING_LOG_FORMAT            = "json"
      }

      template {
        destination = "secrets/admin-password"
        data        = "{{ with nomadVar \"nomad/jobs/steading-manager\" }}{{ .admin_password }}{{ end }}"
        uid         = 65532
        perms       = "0400"
      }

      template {
        destination = "secrets/join-token"
        data        = "{{ with nomadVar \"nomad/jobs/steading-manager\" }}{{ .join_token }}{{ end }}"
        uid         = 65532
        perms       = "0400"
      }

      template {
        destination = "secrets/store-connection"
        data        = "{{ with nomadVar \"nomad/jobs/steading-manager\" }}{{ .store_connection }}{{ end }}"
        uid         = 65532
        perms       = "0400"
      }

      resources {
        cpu        = 250
        memory     = 256
        memory_max = 1024
      }
    }
  }
}
