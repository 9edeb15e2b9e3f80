//! What librdkafka knows and its safe binding does not give: the ids of topics, and the watermarks that came with the
//! last fetch. The one file of this crate with unsafe code.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::marker::PhantomData;
use std::time::Duration;

use rdkafka_sys as native;

/// A client of librdkafka, borrowed from its owner.
#[derive(Clone, Copy)]
pub(super) struct Handle<'a> {
    client: *mut native::rd_kafka_t,
    owner: PhantomData<&'a ()>,
}

impl<'a> Handle<'a> {
    /// Borrows `client` from `_owner`.
    ///
    /// # Safety
    /// `client` is the client that `_owner` holds, and lives as long as `_owner`.
    pub unsafe fn new<T>(client: *mut native::rd_kafka_t, _owner: &'a T) -> Self {
        Self {
            client,
            owner: PhantomData,
        }
    }

    /// The first and the next offset of a partition, as of its last fetch; none before the first fetch. Does not wait.
    pub fn watermarks(self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client lives, the text ends with a zero byte, and both numbers outlive the call.
        let code = unsafe {
            native::rd_kafka_get_watermark_offsets(self.client, topic.as_ptr(), partition, &raw mut low, &raw mut high)
        };
        (code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some((low.max(0), high))
    }

    /// The ids of those `topics` that exist, as Kafka writes them. Waits up to `timeout` for the broker's answer; empty
    /// where none came, or the broker is older than topic ids.
    pub fn topic_ids(self, topics: &[String], timeout: Duration) -> BTreeMap<String, String> {
        let names: Vec<CString> = topics
            .iter()
            .filter_map(|topic| CString::new(topic.as_str()).ok())
            .collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let wait = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client lives; every object that is made here is destroyed here, once, after its last use; the
        // texts of the request outlive it, and those of the answer are copied before the answer is destroyed.
        unsafe {
            let queue = native::rd_kafka_queue_new(self.client);
            let request = native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            let options = native::rd_kafka_AdminOptions_new(
                self.client,
                native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            );
            native::rd_kafka_AdminOptions_set_request_timeout(options, wait, std::ptr::null_mut(), 0);
            native::rd_kafka_DescribeTopics(self.client, request, options, queue);
            let event = native::rd_kafka_queue_poll(queue, wait);
            let ids = ids_of(event);
            if !event.is_null() {
                native::rd_kafka_event_destroy(event);
            }
            native::rd_kafka_AdminOptions_destroy(options);
            native::rd_kafka_TopicCollection_destroy(request);
            native::rd_kafka_queue_destroy(queue);
            ids
        }
    }
}

/// The ids in the answer `event`.
///
/// # Safety
/// `event` is null or an answer that has not been destroyed.
unsafe fn ids_of(event: *mut native::rd_kafka_event_t) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    // SAFETY: the answer lives for the call, and everything read belongs to it.
    unsafe {
        if event.is_null()
            || native::rd_kafka_event_error(event) != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            return ids;
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return ids;
        }
        let mut count = 0;
        let list = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        for place in 0..count {
            let topic = *list.add(place);
            let error = native::rd_kafka_TopicDescription_error(topic);
            let failed = native::rd_kafka_error_code(error) != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
            let id = native::rd_kafka_TopicDescription_topic_id(topic);
            if failed || id.is_null() || native::rd_kafka_Uuid_most_significant_bits(id) == 0 {
                continue;
            }
            let text = |pointer| CStr::from_ptr(pointer).to_string_lossy().into_owned();
            let name = text(native::rd_kafka_TopicDescription_name(topic));
            ids.insert(name, text(native::rd_kafka_Uuid_base64str(id)));
        }
    }
    ids
}
