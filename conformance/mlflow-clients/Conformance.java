import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.mlflow.api.proto.ModelRegistry.ModelVersion;
import org.mlflow.api.proto.Service.Experiment;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.ActiveRun;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowContext;
import org.mlflow.tracking.MlflowHttpException;
import org.mlflow.tracking.RunsPage;

/** MLflow's own Java client, unmodified, against a live server: `java -cp 'lib/*' Conformance.java <url>`. */
public class Conformance {
  static int passed = 0;
  static int failed = 0;

  interface Check {
    void run() throws Exception;
  }

  static void check(String name, Check body) {
    try {
      body.run();
      passed++;
      System.out.println("ok   Java: " + name);
    } catch (Throwable error) {
      failed++;
      System.out.println("FAIL Java: " + name);
      error.printStackTrace(System.out);
    }
  }

  static void same(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError(actual + ", not " + expected);
  }

  static void refused(int status, Check call) throws Exception {
    try {
      call.run();
    } catch (MlflowHttpException error) {
      same(error.getStatusCode(), status);
      return;
    }
    throw new AssertionError("not refused with " + status);
  }

  static String unique(String prefix) {
    return prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  public static void main(String[] args) {
    MlflowClient client = new MlflowClient(args[0]);

    check("an experiment is made, found, renamed, tagged, deleted and restored", () -> {
      String name = unique("java");
      String id = client.createExperiment(name);
      same(client.getExperimentByName(name).map(Experiment::getExperimentId), Optional.of(id));
      same(client.getExperimentByName(name + "-not"), Optional.empty());
      client.renameExperiment(id, name + "-b");
      client.setExperimentTag(id, "team", "risk");
      same(client.getExperiment(id).getName(), name + "-b");
      same(client.getExperiment(id).getTags(0).getValue(), "risk");
      same(client.searchExperiments("name = '" + name + "-b'").getItems().size(), 1);
      client.deleteExperiment(id);
      same(client.getExperiment(id).getLifecycleStage(), "deleted");
      client.restoreExperiment(id);
      refused(400, () -> client.createExperiment(name + "-b"));
    });

    check("a run keeps params, metrics, tags and status; batches are whole", () -> {
      String id = client.createExperiment(unique("java"));
      String run = client.createRun(id).getRunId();
      client.logParam(run, "lr", "0.1");
      client.logMetric(run, "loss", 0.5, 1_000, 1);
      client.logMetric(run, "loss", Double.NaN, 1_001, 2);
      client.setTag(run, "team", "risk");
      client.setTag(run, "gone", "x");
      client.deleteTag(run, "gone");
      List<Metric> metrics = new ArrayList<>();
      for (int i = 0; i < 500; i++)
        metrics.add(Metric.newBuilder().setKey("m").setValue(i / 7.0).setTimestamp(i).setStep(i).build());
      client.logBatch(run, metrics,
          List.of(Param.newBuilder().setKey("depth").setValue("6").build()),
          List.of(RunTag.newBuilder().setKey("t").setValue("ünï").build()));
      client.setTerminated(run, RunStatus.FINISHED, 5_000);
      Run got = client.getRun(run);
      same(got.getInfo().getStatus(), RunStatus.FINISHED);
      same(got.getInfo().getEndTime(), 5_000L);
      same(got.getData().getParamsCount(), 2);
      List<Metric> history = client.getMetricHistory(run, "m");
      same(history.size(), 500);
      same(history.get(499).getValue(), 499 / 7.0);
      same(Double.isNaN(client.getMetricHistory(run, "loss").get(1).getValue()), true);
      refused(400, () -> client.logParam(run, "lr", "0.2"));
      refused(404, () -> client.getRun("f".repeat(32)));
    });

    check("runs are searched, ordered and paged; deleted ones on request", () -> {
      String id = client.createExperiment(unique("java"));
      for (int i = 0; i < 5; i++) {
        String run = client.createRun(id).getRunId();
        client.logMetric(run, "auc", i / 10.0);
        client.logParam(run, "i", String.valueOf(i));
        if (i == 4) client.deleteRun(run);
      }
      same(client.searchRuns(List.of(id), "metrics.auc > 0.15 and params.i != '3'").size(), 1);
      RunsPage page = client.searchRuns(List.of(id), "", ViewType.ACTIVE_ONLY, 3, List.of("metrics.auc DESC"));
      same(page.getItems().size(), 3);
      same(page.getItems().get(0).getData().getParams(0).getValue(), "3");
      RunsPage rest = (RunsPage) page.getNextPage();
      same(rest.getItems().size(), 1);
      same(rest.hasNextPage(), false);
      same(client.searchRuns(List.of(id), "", ViewType.DELETED_ONLY).size(), 1);
    });

    check("the context's active run nests, logs and ends", () -> {
      MlflowContext context = new MlflowContext(client);
      String name = unique("java");
      client.createExperiment(name); // the context finds, it does not make
      context.setExperimentName(name);
      ActiveRun parent = context.startRun("parent");
      ActiveRun child = context.startRun("child", parent.getId());
      child.logMetric("m", 1.0);
      child.endRun();
      parent.logParam("p", "v");
      parent.setTag("a", "b");
      parent.endRun(RunStatus.FAILED);
      same(client.getRun(parent.getId()).getInfo().getStatus(), RunStatus.FAILED);
      same(client.getRun(child.getId()).getData().getTagsList().stream()
          .filter(t -> t.getKey().equals("mlflow.parentRunId")).findFirst().get().getValue(), parent.getId());
    });

    check("artifacts go up and down; the registry is read by version, stage and search", () -> {
      String name = args[1]; // made before, with a version 1 in Production that has an artifact
      ModelVersion version = client.getModelVersion(name, "1");
      same(version.getCurrentStage(), "Production");
      same(client.getLatestVersions(name, List.of("Production")).get(0).getVersion(), "1");
      same(client.getRegisteredModel(name).getName(), name);
      same(client.searchModelVersions("name = '" + name + "'").getItems().size(), 1);
      same(client.getModelVersionDownloadUri(name, "1").isEmpty(), false);
      same(client.listArtifacts(version.getRunId()).get(0).getPath(), "model");
      Path file = Files.writeString(Files.createTempDirectory("java").resolve("b.txt"), "from Java");
      client.logArtifact(version.getRunId(), file.toFile(), "notes");
      same(Files.readString(client.downloadArtifacts(version.getRunId(), "notes").toPath().resolve("b.txt")), "from Java");
      refused(404, () -> client.getRegisteredModel(name + "-not"));
    });

    client.close();
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }
}
