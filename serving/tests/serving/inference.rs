//! The Open Inference Protocol as Triton's clients speak it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arterial_datasets::time::MINUTE;
use arterial_models::registry::{ModelVersion, Reference, Target};
use arterial_proto::inference as oip;
use arterial_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use arterial_serving::model::{ModelSource, Role, ServedModel, Standing};
use futures::FutureExt;
use futures::future::BoxFuture;
use oip::InferTensorContents as Contents;
use oip::infer_parameter::ParameterChoice;
use oip::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use tonic::Code;
use tonic::transport::Channel;

use crate::support::{
    FakeModel, FakeModels, Says, Service, count_rows, eventually, history, launch, ready, waiting, window,
};
use crate::trials::B_ALONE;

const MODEL: &str = "traffic-sensors.speed_kmh";

type Client = GrpcInferenceServiceClient<Channel>;

async fn client(service: &Service) -> Client {
    GrpcInferenceServiceClient::new(service.channel().await)
}

fn input(name: &str, datatype: &str, count: usize, contents: Contents) -> InferInputTensor {
    InferInputTensor {
        name: name.into(),
        datatype: datatype.into(),
        shape: vec![count as i64],
        contents: Some(contents),
        ..InferInputTensor::default()
    }
}

fn keys(keys: &[&str]) -> InferInputTensor {
    let bytes_contents = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
    let contents = Contents {
        bytes_contents,
        ..Contents::default()
    };
    input("keys", "BYTES", keys.len(), contents)
}

fn horizons(minutes: &[i32]) -> InferInputTensor {
    let contents = Contents {
        int_contents: minutes.to_vec(),
        ..Contents::default()
    };
    input("horizons_minutes", "INT32", minutes.len(), contents)
}

fn quantiles(quantiles: &[f32]) -> InferInputTensor {
    let contents = Contents {
        fp32_contents: quantiles.to_vec(),
        ..Contents::default()
    };
    input("quantiles", "FP32", quantiles.len(), contents)
}

fn origin(instant: i64) -> InferInputTensor {
    let contents = Contents {
        int64_contents: vec![instant],
        ..Contents::default()
    };
    input("origin", "INT64", 1, contents)
}

fn request(inputs: Vec<InferInputTensor>) -> oip::ModelInferRequest {
    oip::ModelInferRequest {
        model_name: MODEL.into(),
        inputs,
        ..oip::ModelInferRequest::default()
    }
}

/// Inputs that are right, for tests that change one of them.
fn right() -> Vec<InferInputTensor> {
    vec![keys(&["a", "b"]), horizons(&[5, 10]), quantiles(&[0.5])]
}

/// The numbers of `forecast` and the texts of `status` of a typed answer.
fn typed(response: &oip::ModelInferResponse) -> (Vec<f32>, Vec<i64>, Vec<String>) {
    let contents = |name: &str| {
        let output = response.outputs.iter().find(|output| output.name == name).unwrap();
        output.contents.clone().unwrap()
    };
    let texts = contents("status").bytes_contents.into_iter();
    (
        contents("forecast").fp32_contents,
        contents("target_time").int64_contents,
        texts.map(|text| String::from_utf8(text).unwrap()).collect(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_are_tensors_in_the_order_of_the_request() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let inputs = vec![
        horizons(&[15, 5]),
        quantiles(&[0.9, 0.1]),
        keys(&["b", "nobody", "a", "b"]),
    ];
    let answer = client.model_infer(request(inputs)).await.unwrap().into_inner();
    let shapes: Vec<&[i64]> = answer.outputs.iter().map(|output| output.shape.as_slice()).collect();
    assert_eq!(shapes, [&[4, 2, 2][..], &[2], &[4]]);
    let (forecast, times, status) = typed(&answer);
    let of_b = [88.0, 80.0, 86.0, 78.0];
    assert_eq!((&forecast[..4], &forecast[12..]), (&of_b[..], &of_b[..]));
    assert!(forecast[4..8].iter().all(|value| value.is_nan()));
    assert_eq!(&forecast[8..12], &[58.0, 50.0, 56.0, 48.0]);
    assert_eq!(times, [window(26).0, window(24).0]);
    assert_eq!(status, ["OK", "UNKNOWN_KEY", "OK", "OK"]);
    assert_eq!(
        (answer.model_name.as_str(), answer.model_version.as_str()),
        (MODEL, "constant@1")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_elements_are_answered_with_raw_elements() {
    let service = ready(24).await;
    let mut inputs = right();
    for input in &mut inputs {
        input.contents = None;
    }
    let keys = [&1u32.to_le_bytes()[..], b"a", &1u32.to_le_bytes(), b"b"].concat();
    let horizons = [5i32, 10].map(i32::to_le_bytes).concat();
    let asked = oip::ModelInferRequest {
        raw_input_contents: vec![keys, horizons, 0.5f32.to_le_bytes().to_vec()],
        id: "seven".into(),
        outputs: vec![InferRequestedOutputTensor {
            name: "forecast".into(),
            ..InferRequestedOutputTensor::default()
        }],
        ..request(inputs)
    };
    let answer = client(&service).await.model_infer(asked).await.unwrap().into_inner();
    let expected = [52.0f32, 53.0, 82.0, 83.0].map(f32::to_le_bytes).concat();
    assert_eq!(
        (answer.raw_output_contents, answer.id.as_str()),
        (vec![expected], "seven")
    );
    assert!(answer.outputs.len() == 1 && answer.outputs[0].contents.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_asks_for_the_forecasts_that_were_served_from_it() {
    let service = ready(24).await;
    service.close_window(24, [60.0, 90.0]).await;
    let mut client = client(&service).await;
    let mut ask = async |inputs| {
        let answer = client.model_infer(request(inputs)).await?.into_inner();
        Ok::<_, tonic::Status>(typed(&answer))
    };
    let with_origin = |instant| [right(), vec![origin(instant)]].concat();
    eventually("both issues are stored, 2 keys and 12 steps each", async || {
        count_rows(&service.lake, "forecasts").await >= 48
    })
    .await;
    let (newest, times, _) = ask(with_origin(window(24).0)).await.unwrap();
    assert_eq!((&newest[..], times[0]), (&[62.0, 63.0, 92.0, 93.0][..], window(25).0));
    assert_eq!(ask(right()).await.unwrap().0, newest);
    let (before, times, status) = ask(with_origin(window(23).0)).await.unwrap();
    assert_eq!((&before[..], times[0]), (&[52.0, 53.0, 82.0, 83.0][..], window(24).0));
    assert_eq!(status, ["OK", "OK"]);
    let (none, times, status) = ask(with_origin(window(3).0)).await.unwrap();
    assert!(none.iter().all(|value| value.is_nan()));
    assert_eq!(
        (times[1], &status[..]),
        (window(3).0 + 10 * MINUTE, &["NO_DATA".to_owned(), "NO_DATA".into()][..])
    );
    let refused = ask(with_origin(window(99).0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("`origin`"), "{}", refused.message());
}

/// Who gave an answer: its version, all versions, and their steps of the ladder.
async fn givers(client: &mut Client, inputs: Vec<InferInputTensor>) -> [String; 3] {
    let answer = client.model_infer(request(inputs)).await.unwrap().into_inner();
    let parameter = |name: &str| match &answer.parameters[name].parameter_choice {
        Some(ParameterChoice::StringParam(text)) => text.clone(),
        other => panic!("{name} is {other:?}"),
    };
    let [versions, steps] = ["model_versions", "steps_of_ladder"].map(parameter);
    [answer.model_version, versions, steps]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_is_that_of_whoever_gave_the_forecasts_and_of_several_that_of_the_one_that_leads() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let champion = ["constant@1", "constant@1", "model"];
    assert_eq!(givers(&mut client, right()).await, champion);
    service
        .models
        .add(FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(7.0)));
    service.models.try_canary(2, B_ALONE);
    let both = ["constant@1", "constant@1,constant@2", "model,canary"];
    eventually("the canary answers, too", async || {
        givers(&mut client, right()).await == both
    })
    .await;
    let of_b = vec![keys(&["b"]), horizons(&[5]), quantiles(&[0.5])];
    let canary = ["constant@2", "constant@2", "canary"];
    assert_eq!(givers(&mut client, of_b).await, canary);
    service.models.withdraw(Role::Canary);
    // Number 3 does not exist.
    service.models.promote(3);
    let last_good = ["constant@1", "constant@1", "last_good"];
    eventually("the last good model answers", async || {
        givers(&mut client, right()).await == last_good
    })
    .await;
    let unknown = vec![keys(&["nobody"]), horizons(&[5]), quantiles(&[0.5])];
    let nothing = client.model_infer(request(unknown)).await.unwrap().into_inner();
    assert_eq!(nothing.model_version, "constant@3", "nobody gave anything");
    assert!(nothing.parameters.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_from_an_old_origin_have_the_version_of_then() {
    let service = ready(24).await;
    service.close_window(24, [60.0, 90.0]).await;
    eventually("both issues are stored, 2 keys and 12 steps each", async || {
        count_rows(&service.lake, "forecasts").await >= 48
    })
    .await;
    service
        .models
        .add(FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(7.0)));
    service.models.promote(2);
    let mut client = client(&service).await;
    eventually("the next champion answers", async || {
        givers(&mut client, right()).await == ["constant@2", "constant@2", "model"]
    })
    .await;
    let old = [right(), vec![origin(window(23).0)]].concat();
    assert_eq!(givers(&mut client, old).await, ["constant@1", "constant@1", "model"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_tensor_is_named_with_its_value_and_what_is_accepted() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let changed = |place: usize, change: &dyn Fn(&mut InferInputTensor)| {
        let mut inputs = right();
        change(&mut inputs[place]);
        inputs
    };
    let cases = [
        (right()[1..].to_vec(), "`keys` is missing"),
        (
            changed(0, &|input| input.datatype = "FP32".into()),
            "`keys` is `of type FP32`, accepted: BYTES",
        ),
        (
            changed(0, &|input| input.shape = vec![2, 1]),
            "`keys` is `of shape [2, 1]`, accepted: shape [n]",
        ),
        (changed(0, &|input| input.shape = vec![0]), "`keys` is `of shape [0]`"),
        (changed(0, &|input| input.shape = vec![-1]), "`keys` is `of shape [-1]`"),
        (
            changed(1, &|input| input.shape = vec![3]),
            "`horizons_minutes` is `2 elements`, accepted: as many as its shape [3]",
        ),
        (
            changed(1, &|input| input.contents = None),
            "`horizons_minutes` is `0 elements`",
        ),
        (
            changed(2, &|input| input.name = "quantile".into()),
            "`inputs` is `quantile`, accepted: keys, horizons_minutes, quantiles, origin",
        ),
        (
            vec![keys(&["a"]), horizons(&[5]), quantiles(&[1.5])],
            "`quantiles` is `1.5`",
        ),
        (
            vec![keys(&["a"]), horizons(&[5]), quantiles(&[f32::NAN])],
            "`quantiles` is `NaN`",
        ),
        (
            vec![keys(&["a"]), horizons(&[7]), quantiles(&[0.5])],
            "`horizons_minutes` is `7`",
        ),
        ([right(), vec![keys(&["a"])]].concat(), "`inputs` is `keys twice`"),
    ];
    for (inputs, words) in cases {
        let status = client.model_infer(request(inputs)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{words}");
        assert!(status.message().contains(words), "{} lacks {words}", status.message());
    }
    let mut raw = request(right());
    raw.raw_input_contents = vec![Vec::new()];
    let status = client.model_infer(raw.clone()).await.unwrap_err();
    assert!(
        status.message().contains("`raw_input_contents` is `1 of them`"),
        "{}",
        status.message()
    );
    raw.raw_input_contents = vec![Vec::new(); 3];
    let status = client.model_infer(raw).await.unwrap_err();
    assert!(
        status.message().contains("`keys` is `given twice`"),
        "{}",
        status.message()
    );
    let mut outputs = request(right());
    outputs.outputs = vec![InferRequestedOutputTensor {
        name: "forecasts".into(),
        ..InferRequestedOutputTensor::default()
    }];
    let status = client.model_infer(outputs).await.unwrap_err();
    assert!(
        status.message().contains("accepted: forecast, target_time, status"),
        "{}",
        status.message()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_without_a_champion_is_not_found() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    for name in ["", "traffic-sensors", "parking.occupied_spaces"] {
        let unknown = oip::ModelInferRequest {
            model_name: name.into(),
            ..request(right())
        };
        let status = client.model_infer(unknown).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{name}");
        assert!(status.message().contains(MODEL), "{}", status.message());
        let asked = oip::ModelReadyRequest {
            name: name.into(),
            version: String::new(),
        };
        assert!(!client.model_ready(asked).await.unwrap().into_inner().ready, "{name}");
    }
    let other = oip::ModelInferRequest {
        model_version: "constant@9".into(),
        ..request(right())
    };
    assert_eq!(client.model_infer(other).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_ready_before_live_state_is_rebuilt() {
    let service = waiting(None).await;
    let mut client = client(&service).await;
    assert!(
        client
            .server_live(oip::ServerLiveRequest {})
            .await
            .unwrap()
            .into_inner()
            .live
    );
    assert!(
        !client
            .server_ready(oip::ServerReadyRequest {})
            .await
            .unwrap()
            .into_inner()
            .ready
    );
    let index = oip::RepositoryIndexRequest {
        ready: true,
        ..oip::RepositoryIndexRequest::default()
    };
    assert_eq!(client.repository_index(index).await.unwrap().into_inner().models, []);
    let metadata = client
        .server_metadata(oip::ServerMetadataRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(metadata.name, "arterial");
}

/// Whether the model of the tests is ready, and the code of a call for it.
async fn told(client: &mut Client) -> (bool, Code) {
    let asked = oip::ModelReadyRequest {
        name: MODEL.into(),
        version: String::new(),
    };
    let ready = client.model_ready(asked).await.unwrap().into_inner().ready;
    let answer = client.model_infer(request(right())).await;
    (ready, answer.map_or_else(|status| status.code(), |_| Code::Ok))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_model_is_told_to_wait_until_it_is_there() {
    let service = waiting(Some(history(24))).await;
    service
        .models
        .add(FakeModel::new(1, &["a", "b"], 12, Says::LastPlus(1.0)));
    service.models.promote(1);
    service.clock.set(window(24));
    let mut client = client(&service).await;
    assert_eq!(told(&mut client).await, (false, Code::Unavailable));
    service.state.start().await.unwrap();
    assert_eq!(told(&mut client).await, (true, Code::Ok));
}

/// A registry that nobody reaches until it is back.
#[derive(Default)]
struct Away {
    models: FakeModels,
    is_back: AtomicBool,
}

impl ModelSource for Away {
    fn standings(&self) -> BoxFuture<'_, arterial_serving::Result<Vec<Standing>>> {
        if self.is_back.load(Ordering::SeqCst) {
            return self.models.standings();
        }
        async { Err(arterial_serving::Error::NotReady("the registry is away".into())) }.boxed()
    }

    fn load<'a>(&'a self, id: &'a ModelVersion) -> BoxFuture<'a, arterial_serving::Result<Arc<dyn ServedModel>>> {
        self.models.load(id)
    }

    fn resolve<'a>(
        &'a self,
        reference: &'a Reference,
        target: &'a Target,
    ) -> BoxFuture<'a, arterial_serving::Result<ModelVersion>> {
        self.models.resolve(reference, target)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_models_there_are_is_not_known_before_the_registry_is_reached() {
    let away = Arc::new(Away::default());
    let source = Arc::clone(&away) as Arc<dyn ModelSource>;
    let service = launch(Some(history(24)), Arc::default(), source, None).await;
    service.clock.set(window(24));
    service.state.start().await.unwrap();
    let mut client = client(&service).await;
    assert_eq!(told(&mut client).await, (false, Code::Unavailable));
    away.is_back.store(true, Ordering::SeqCst);
    service.state.look_for_models().await;
    assert_eq!(told(&mut client).await, (false, Code::NotFound), "nothing was promoted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_triton_client_works_unmodified() {
    let Some(python) = arterial_testing::python("tritonclient.grpc") else {
        return;
    };
    let service = ready(24).await;
    let mut command = std::process::Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/serving/inference.py"))
        .arg(service.running.grpc_addr.to_string());
    let expected = "\
['keys', 'horizons_minutes', 'quantiles', 'origin'] ['forecast', 'target_time', 'status'] ['constant@1']
[('traffic-sensors.speed_kmh', 'READY')]
(3, 2, 3) float32 [[78.0, 82.0, 86.0], [80.0, 84.0, 88.0]] True 54.0
['OK', 'UNKNOWN_KEY', 'OK'] 2026-01-05 02:10:00
seven constant@1
(1000, 2, 1) 2
['status']
StatusCode.NOT_FOUND no model named `traffic-sensors.speed`, known: traffic-sensors.speed_kmh
StatusCode.INVALID_ARGUMENT `horizons_minutes` is `7`, accepted: multiples of 5m, at most 5d
";
    assert_eq!(arterial_testing::run_beside(command).await, expected);
}
